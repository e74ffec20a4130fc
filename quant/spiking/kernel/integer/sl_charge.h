/* Membranes of hidden layers as charges: the rows of what arrives in a step are added to a mean and
 * a variance that leak, so that a charge keeps the weights of then. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include <stdint.h>

#include "sl_activate.h"
#include "sl_build.h"
#include "sl_epsilon.h"
#include "sl_integer.h"
#include "sl_inverse.h"
#include "sl_lanes.h"
#include "sl_pre_activation.h"
#include "sl_recurrence.h"
#include "sl_replay.h"
#include "sl_root.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum {
    SL_SPIKES = 1,
    SL_VARIANCE_FRAC_BITS = 20,
    SL_APART_MAX = 1 << 14, /* below a threshold, in units of 2^8 */
};

/* A layer's first charge. */
static inline uint32_t sl_charge_place(uint32_t index) {
    return index == 0 ? 0 : SL_FIRST_UNITS + sl_layers[index].later * S;
}

/* What a layer's bias has for an input: a current of 2^-k, which adds up to 1; where the format
 * holds no such fraction, its least one in every so manieth step. */
static inline int32_t sl_bias_input(uint32_t index, int32_t frac_bits, const sl_state_t *state) {
    const int32_t low = (int32_t)sl_leaks[index] - frac_bits;
    if (!sl_charged(index)) {
        return 1 << frac_bits;
    }
    return low <= 0 ? 1 << -low : (state->time_steps & ((1u << low) - 1)) == 0;
}

/* x within a limit that it seldom reaches: one comparison on a chip. */
SL_FOLD int32_t sl_seldom_clamped(int32_t x, int32_t limit, uint32_t *count) {
    if (!SL_ON_HOST && (uint32_t)x + (uint32_t)limit <= 2 * (uint32_t)limit) {
        return x;
    }
    return sl_clamp_count(x, limit, count);
}

/* A charge's mean after `sum` has arrived, Q15.16. */
SL_FOLD int32_t sl_charge_mean(int32_t was, uint32_t k, int32_t sum, uint32_t *count) {
    return sl_seldom_clamped(sl_decay(was, k) + sum, SL_PRE_ACTIVATION_MAX, count);
}

/* A charge's variance after `sum` has arrived, Q11.20. */
static inline int32_t sl_charge_variance(int32_t was, uint32_t k, int32_t sum, uint32_t *count) {
    const uint32_t left = sl_decay_size(sl_decay_size((uint32_t)was, k), k);
    const uint32_t variance = left + (uint32_t)sum;
    *count += variance >> 31;
    return variance >> 31 ? INT32_MAX : (int32_t)variance;
}

/* A power as a variance. */
static inline int32_t sl_variance_of(uint32_t power, int32_t right) {
    if (right >= 0) {
        return (int32_t)(power >> sl_min32(right, 31));
    }
    const int32_t left = sl_min32(-right, 31);
    return power > (uint32_t)INT32_MAX >> left ? INT32_MAX : (int32_t)(power << left);
}

/* Its root, of 16 significant bits, Q.12. */
SL_INLINE int32_t sl_charge_deviation(int32_t variance) {
    const int32_t up = (32 - sl_bit_length((uint32_t)variance)) >> 1;
    if (variance == 0) {
        return 0;
    }
    const uint32_t root = sl_root_normal((uint32_t)variance << 2 * up);
    return (int32_t)(up > 2 ? root >> (up - 2) : root << (2 - up));
}

/* Whether no number of the noise brings a membrane with this charge above `last`: NUMBERS.md,
 * "silent". */
static inline uint32_t sl_is_silent(int32_t mean, int32_t variance, int32_t last) {
    const uint32_t below = (uint32_t)last - (uint32_t)mean; /* of a mean above it, anything */
    const uint32_t apart = (uint32_t)sl_min32((int32_t)(below >> 8), SL_APART_MAX);
    return mean <= last && (uint32_t)variance <= (7 * apart * apart) >> 2;
}

/* n charges side by side: mean from sums to means, power to deviations, .12, or 0 if none is drawn.
 */
SL_FOLD uint32_t sl_charge_some(uint32_t n, uint32_t k, int32_t *mean, uint32_t *power,
                                int32_t right_mean, int32_t right_variance, uint32_t at,
                                const sl_state_t *state, sl_scratch_t *scratch) {
    const int32_t *was = state->charge_mean + at, *was_variance = state->charge_variance + at;
    int32_t *means = scratch->new_mean + at, *variances = scratch->new_variance + at;
    uint32_t clamped = 0;
    for (uint32_t e = 0; right_mean > 0 && e < n; e++) {
        mean[e] = sl_centre(mean[e], right_mean, &clamped);
    }
    for (uint32_t e = 0; right_variance < 0 && e < n; e++) {
        power[e] = (uint32_t)sl_variance_of(power[e], right_variance);
    }
    const int32_t left = sl_clamp32(-right_mean, 0, 30), most = SL_PRE_ACTIVATION_MAX >> left;
    const int32_t right = sl_clamp32(right_variance, 0, 31);
    const int32_t last = SL_LEARNED(scratch) ? -SL_PRE_ACTIVATION_MAX - 1 : SL_THRESHOLD - 1;
    for (uint32_t e = 0; e < n; e++) {
        const uint32_t sum = (uint32_t)sl_seldom_clamped(mean[e], most, &clamped) << left;
        means[e] = sl_charge_mean(was[e], k, (int32_t)sum, &clamped);
        mean[e] = means[e];
    }
    for (uint32_t e = 0; e < n; e++) {
        const int32_t sum = (int32_t)(power[e] >> right);
        const int32_t variance = sl_charge_variance(was_variance[e], k, sum, &clamped);
        variances[e] = variance;
        power[e] =
            sl_is_silent(mean[e], variance, last) ? 0 : (uint32_t)sl_charge_deviation(variance);
    }
    return clamped;
}

/* A hidden layer's charges, units or draws of units, [unit][lane]: from sums to means, and from
 * powers to deviations, in place. */
SL_INLINE void sl_charge(uint32_t any_index, int32_t *mean, uint32_t *power, int32_t right_mean,
                         int32_t right_variance, const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t index = sl_hidden_index(any_index);
    const uint32_t at = sl_charge_place(index), k = sl_leaks[index];
    const uint32_t columns = sl_layers[index].columns;
    uint32_t clamped = 0;
    if (index == 0 || L == S) {
        clamped = sl_charge_some(columns * (index == 0 ? 1 : S), k, mean, power, right_mean,
                                 right_variance, at, state, scratch);
    } else {
        for (uint32_t j = 0; j < columns; j++, mean += L, power += L) {
            clamped += sl_charge_some(S, k, mean, power, right_mean, right_variance, at + j * S,
                                      state, scratch);
            for (uint32_t s = S; s < L; s++) { /* a lane without a draw */
                mean[s] = 0;
                power[s] = 0;
            }
        }
    }
    scratch->saturations[SL_SAT_ACTIVATION] += clamped;
}

/* Whether a step draws its noise here, and not beforehand: of the units that it may let fire. */
static inline uint32_t sl_charge_draws_late(uint32_t index, const sl_scratch_t *scratch) {
    return S % 4 == 0 && sl_charged(index) && !SL_LEARNED(scratch);
}

/* Whether no draw of a unit, n of them side by side, has noise or fires without. */
SL_FOLD uint32_t sl_is_quiet(const int32_t *mean, const int32_t *deviation, uint32_t n) {
    uint32_t noise = 0;
    int32_t below = -1;
    for (uint32_t s = 0; s < n; s++) {
        noise |= (uint32_t)deviation[s];
        below &= mean[s] - SL_THRESHOLD;
    }
    return noise == 0 && below < 0;
}

/* The pre-activations of such a step, [unit][draw]; n: means of a unit. */
SL_FOLD void sl_charge_draw(uint32_t index, uint32_t n, const int32_t *mean,
                            const int32_t *deviation, const sl_state_t *state,
                            sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t key = sl_step_key(state);
    int32_t *a = scratch->block_a;
    int16_t *epsilon = scratch->epsilon + layer->unit * S;
    for (uint32_t j = 0; j < layer->columns; j++, mean += n, deviation += n, a += S) {
        if (sl_is_quiet(mean, deviation, n)) {
            a[0] = SL_QUIET;
            continue;
        }
        sl_noise_some(key, index, j * (S / 4), S, epsilon);
        for (uint32_t s = 0; s < S; s++) {
            const uint32_t e = n == 1 ? 0 : s;
            a[s] = mean[e] + ((deviation[e] * epsilon[s] + 8) >> 4);
        }
    }
}

SL_INLINE void sl_charge_sample(uint32_t any_index, const int32_t *mean, const int32_t *deviation,
                                const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t index = sl_hidden_index(any_index);
    if (index == 0) {
        sl_charge_draw(0, 1, mean, deviation, state, scratch);
    } else {
        sl_charge_draw(index, S, mean, deviation, state, scratch);
    }
}

/* The same of the mean weights: [unit], in place. */
SL_INLINE void sl_charge_means(uint32_t index, int32_t *a, const sl_state_t *state,
                               sl_scratch_t *scratch) {
    const uint32_t apart = index == 0 ? 1 : S;
    const int32_t *was = state->charge_mean + sl_charge_place(index);
    for (uint32_t j = 0; sl_charged(index) && j < sl_layers[index].columns; j++, was += apart) {
        a[j] =
            sl_charge_mean(*was, sl_leaks[index], a[j], &scratch->saturations[SL_SAT_ACTIVATION]);
    }
}

/* What learning takes for a charged layer's inputs: their traces. */
SL_INLINE void sl_charge_recall(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    if (index == 0) {
        for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
            const int32_t trace = scratch->new_input_trace[i];
            const int32_t size = (int32_t)(sl_abs32(trace) >> SL_INPUT_SHIFT);
            scratch->input[i] = (sl_input_t)(trace < 0 ? -size : size);
        }
        scratch->input[SL_N_INPUTS] = SL_BIAS << SL_INPUT_FRAC_BITS;
        return;
    }
    int16_t *hidden = scratch->hidden + layer->hidden * L;
    const int16_t *trace = scratch->new_output + sl_layers[index - 1].unit * S;
    const uint32_t own = sl_own_rows(index);
    for (uint32_t i = 0; i < layer->rows - own; i++) {
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t bias = i == layer->fan_in, row = bias ? i + own : i;
            int32_t x = 0;
            if (s < S) {
                x = bias ? 1 << SL_OUTPUT_FRAC_BITS
                         : trace[i * S + s] >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
            }
            hidden[row * L + s] = (int16_t)x;
        }
    }
    sl_own_recall(index, layer->hidden * L, scratch);
    scratch->frac_bits[index] = SL_OUTPUT_FRAC_BITS;
}
