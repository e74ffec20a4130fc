/* The adaptive step in integers: one multiplier m of lr_mu, which follows the stream by itself.
 * Golden model: quant/sampling/step.py, function for function. With SL_ADAPTIVE 0 m is 1. */
#pragma once

#include "sl_build.h"
#include "sl_exp2.h"
#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_replay.h"
#include "sl_rule.h"

enum {
    SL_LOG2_MIN = -(1 << 15), /* of m, Q.16 */
    SL_LOG2_MAX = 3 << 16,
    SL_FACTOR_BITS_Q = 12,
    SL_FACTOR_ONE = 1 << SL_FACTOR_BITS_Q,
    SL_STEP_RATE = 768,
    SL_STEP_PUSH = SL_STEP_RATE / 16,
    SL_SLOPE_BITS = 28,
    SL_SLOPE_FRAC_BITS = 16,
    SL_USUAL_MORE_BITS = 4,
    SL_USUAL_WINDOW = 256,
    SL_SLOW_ROWS = 64,
    SL_SLOW_SHIFT = 2,
    SL_SLOPE_BLOCK_BITS = 15,
};

/* A layer's spread, for the guard of its step. */
SL_FOLD void sl_step_widest(sl_step_t *step, uint32_t index, int32_t spread) {
    if (SL_ADAPTIVE) {
        step->widest[index] = spread;
    }
}

/* Times a factor in Q.12. */
static inline sl_scale_t sl_scaled(sl_scale_t scale, int32_t factor) {
    const int32_t product = scale.mantissa * factor;
    const int32_t drop = sl_max32(sl_bit_length((uint32_t)product) - 15, 0);
    return (sl_scale_t){product >> drop, scale.exponent + SL_FACTOR_BITS_Q - drop};
}

/* max(1, m), Q.12: by what the memory window is shorter. */
static inline int32_t sl_hurry(const sl_step_t *step) {
    return sl_max32(step->factor, SL_FACTOR_ONE);
}

/* The smaller of a gain and the guard's share of 1/spread^2. */
static inline sl_scale_t sl_guarded(sl_scale_t gain, int32_t spread) {
    if (spread == 0) {
        return gain;
    }
    const int32_t inverse = (1 << 30) / spread, shift = sl_bit_length((uint32_t)inverse) - 15;
    const int32_t narrow = shift >= 0 ? inverse >> shift : inverse << -shift;
    const int32_t product = SL_GUARD_MANTISSA * ((narrow * narrow) >> 15);
    const int32_t drop = sl_bit_length((uint32_t)product) - 15;
    const sl_scale_t cap = {product >> drop, SL_GUARD_EXPONENT + 2 * (18 - shift) - 15 - drop};
    const uint32_t less = cap.exponent > gain.exponent ||
                          (cap.exponent == gain.exponent && cap.mantissa < gain.mantissa);
    return less ? cap : gain;
}

/* A layer's gain of mu. */
static inline sl_scale_t sl_step_gain(const sl_step_t *step, uint32_t index) {
    const sl_scale_t gain = {SL_GAIN_MU_MANTISSA, SL_GAIN_MU_EXPONENT};
    return SL_ADAPTIVE ? sl_guarded(sl_scaled(gain, step->factor), step->widest[index]) : gain;
}

/* A pull of sigma: max(1, m) times as hard. */
static inline uint32_t sl_step_pull_sigma(const sl_step_t *step, uint32_t pull) {
    return SL_ADAPTIVE ? (uint32_t)((uint64_t)pull * (uint32_t)sl_hurry(step) >> SL_FACTOR_BITS_Q)
                       : pull;
}

/* A pull of mu: m max(1, m) times as hard. */
static inline uint32_t sl_step_pull_mu(const sl_step_t *step, uint32_t pull) {
    return SL_ADAPTIVE
               ? sl_step_pull_sigma(
                     step, (uint32_t)((uint64_t)pull * (uint32_t)step->factor >> SL_FACTOR_BITS_Q))
               : pull;
}

/* The same of a mantissa and an exponent. */
static inline sl_scale_t sl_step_pull_gain(const sl_step_t *step, sl_scale_t gain) {
    return SL_ADAPTIVE ? sl_scaled(sl_scaled(gain, step->factor), sl_hurry(step)) : gain;
}

#if SL_ADAPTIVE

static int32_t sl_slope_fixed(int64_t value, int32_t exponent) {
    const int32_t right = exponent - SL_SLOPE_FRAC_BITS;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (right >= 0) {
        size = (uint64_t)((int64_t)size >> sl_min32(right, 62));
    } else {
        size =
            sl_bit_length64(size) - right > SL_SLOPE_BITS ? UINT32_MAX : (uint32_t)size << -right;
    }
    const uint64_t most = (1u << SL_SLOPE_BITS) - 1;
    size = size > most ? most : size;
    return value < 0 ? -(int32_t)size : (int32_t)size;
}

/* The slope of the loss along mu - slow of the last layer, from its inputs' and its gradients'
 * sums over the draws. */
static int32_t sl_step_slope(const sl_state_t *state, sl_scratch_t *scratch, const int32_t *delta) {
    const uint32_t last = SL_N_LAYERS - 1, draws = last == 0 ? 1 : S, lanes = last == 0 ? 1 : L;
    const sl_layer_t *layer = &sl_layers[last];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const int16_t *mu = state->mu + layer->synapse, *slow = state->slow;
    int32_t *gradient = scratch->row_w;
    uint64_t total = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += delta[j * L + s];
        }
        gradient[j] = sum;
        total += sl_abs32(sum);
    }
    const int32_t k = sl_max32(0, sl_bit_length64(total) - SL_SLOPE_BLOCK_BITS);
    for (uint32_t j = 0; j < layer->columns; j++) {
        gradient[j] = sl_shift_truncate32(gradient[j], k);
    }
    int64_t value = 0;
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, slow += layer->columns) {
        int32_t input = 0, along = 0;
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < draws; s++) {
            input += last == 0 ? scratch->input[i] : x[i * lanes + s];
        }
        input >>= sl_bit_length(draws - 1);
        if (input == 0) {
            continue;
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            along += (mu[j] - slow[j]) * gradient[j];
        }
        value += (int64_t)along * input;
    }
    const int32_t frac_bits = last == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[last];
    return sl_slope_fixed(value, frac_bits + 20 - k + sl_rule_mu_frac_bits(state, last));
}

/* Before an update: the sample's multiplier, and its slope. */
SL_INLINE void sl_step_begin(const sl_state_t *state, sl_scratch_t *scratch, const int32_t *delta) {
    const uint32_t below = (uint32_t)(SL_LOG2_MAX - state->step_log2) >> 8;
    scratch->step.factor = sl_exp2(below & 255u) >> (below >> 8);
    scratch->step.slope = sl_step_slope(state, scratch, delta);
}

/* After an update: move the multiplier, and let some rows of the slow copy follow mu. */
SL_INLINE void sl_step_end(sl_state_t *state, const sl_scratch_t *scratch) {
    if (SL_REPLAYING(state)) { /* it follows the stream */
        return;
    }
    const int32_t slope = scratch->step.slope;
    const uint32_t n =
        state->n_samples < SL_USUAL_WINDOW - 1 ? state->n_samples + 1 : SL_USUAL_WINDOW;
    const uint32_t size = sl_abs32(slope) << SL_USUAL_MORE_BITS;
    const int64_t more = ((int64_t)size - state->step_usual) * (int64_t)(65536u / n);
    const uint32_t usual = (uint32_t)(state->step_usual + ((more + 32768) >> 16));
    const int32_t down = sl_max32(0, sl_bit_length(usual) - 20);
    const uint32_t a = size >> down, b = usual >> down;
    int32_t move = 0;
    if (size != 0) {
        move = (int32_t)(a >= 3 * b ? 3 * SL_STEP_RATE : a * SL_STEP_RATE / b);
    }
    move = (slope < 0 ? move : -move) + (state->step_log2 <= 0 ? SL_STEP_PUSH : 0);
    state->step_log2 = sl_clamp32(state->step_log2 + move, SL_LOG2_MIN, SL_LOG2_MAX);
    state->step_usual = usual;

    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    for (uint32_t i = (0u - state->n_samples) % SL_SLOW_ROWS; i < layer->rows; i += SL_SLOW_ROWS) {
        const int16_t *mu = state->mu + layer->synapse + i * layer->columns;
        int16_t *slow = state->slow + i * layer->columns;
        for (uint32_t j = 0; j < layer->columns; j++) {
            slow[j] = (int16_t)(slow[j] + ((mu[j] - slow[j] + 2) >> SL_SLOW_SHIFT));
        }
    }
}

/* Follow the format of mu of the last layer, by one bit. */
static inline void sl_step_rescale(sl_state_t *state, uint32_t index, int32_t up) {
    const sl_layer_t *layer = &sl_layers[index];
    for (uint32_t e = 0; index + 1 == SL_N_LAYERS && e < layer->rows * layer->columns; e++) {
        const int32_t slow = state->slow[e];
        state->slow[e] = (int16_t)(up > 0 ? sl_clamp32(slow * 2, -32768, 32767) : slow >> 1);
    }
}

#else

static inline void sl_step_rescale(sl_state_t *state, uint32_t index, int32_t up) {
    (void)state;
    (void)index;
    (void)up;
}

SL_INLINE void sl_step_begin(const sl_state_t *state, sl_scratch_t *scratch, const int32_t *delta) {
    (void)state;
    (void)scratch;
    (void)delta;
}

SL_INLINE void sl_step_end(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

#endif
