/* BiMU in integers, learning. Golden model: the rule's golden.py and golden_steps.py, function for
 * function; the rule's NUMBERS.md. */
#include "sl_bimu.h"
#include "sl_head_gradient.h"
#include "sl_noise.h"
#include "sl_parts.h"
#include "sl_replay.h"

enum {
    SL_DELTA_MAX = (1 << 19) - 1,
    SL_RATIO_MAX = (1 << 24) - 1,
    SL_LANE_BITS = 14,
    SL_RIGHT_MAX = 31,
    SL_INPUT_BITS = 5,
    SL_STEP_FRAC_BITS = 12,
    SL_RAREST = 8,
    SL_SHRINK_LAST = 255,
    SL_BELIEF_MAX = 127,
};

static const uint16_t sl_shrink_table[SL_SHRINK_LAST + 1] = SL_SHRINK_TABLE;
static const int32_t sl_pull_table[128] = SL_PULL_TABLE;

/* What a layer's lanes stand for: lane * 2^-right is a step in LSBs, .12. */
typedef struct {
    int32_t right, half;
} sl_shift_t;

/* Gradient times noise over deviation, Q.16. */
static void sl_noisy(const sl_layer_t *layer, sl_scratch_t *scratch) {
    for (uint32_t j = 0; j < layer->columns; j++) {
        const uint32_t spread = scratch->spread[layer->unit + j];
        const int64_t inverse = spread == 0 ? 0 : (1u << 30) / spread;
        for (uint32_t s = 0; s < S; s++) {
            const int64_t epsilon = scratch->epsilon[(layer->unit + j) * L + s];
            const int64_t ratio = sl_shift_round64(epsilon * inverse, 14);
            const int64_t noisy = sl_shift_round64(scratch->delta[j * L + s] * ratio, 12);
            const int32_t kept = sl_clamp64(noisy, SL_RATIO_MAX);
            scratch->saturations[SL_SAT_GRADIENT] += kept != noisy;
            scratch->noisy[j * L + s] = kept;
        }
    }
}

/* The gradient by the sums of the layer below, of the units inside the window; 0 for others. */
static void sl_bimu_backward(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t *sums = sl_units_below(scratch, index);
    const int32_t limit = (int32_t)((SL_WINDOW * scratch->norm_mantissa[index - 1]) >>
                                    scratch->norm_exponent[index - 1]);
    for (uint32_t i = 0; i < sl_layers[index - 1].columns; i++) {
        const int8_t *beliefs = state->belief + layer->belief + i * layer->width;
        for (uint32_t s = 0; s < S; s++) {
            const int32_t a = sums[i * L + s];
            if (a > limit || a < -limit) {
                scratch->below[i * L + s] = 0;
                continue;
            }
            int64_t mean = 0, spread = 0;
            for (uint32_t j = 0; j < layer->columns; j++) {
                const int32_t entry = sl_entry(beliefs[j]);
                mean += (int64_t)sl_tanh(entry) * scratch->delta[j * L + s];
                spread += (int64_t)(entry >> 16) * scratch->noisy[j * L + s];
            }
            spread = sl_shift_round64(spread, 15);
            const int64_t sum = sl_shift_round64(mean, 8) + (a < 0 ? -spread : spread);
            const int64_t found = sl_shift_round64(sum * layer->inverse_norm, 16);
            const int32_t kept = sl_clamp64(found, SL_DELTA_MAX);
            scratch->saturations[SL_SAT_GRADIENT] += kept != found;
            scratch->below[i * L + s] = kept;
        }
    }
}

/* The shift that takes the largest column's sum of magnitudes times `scale` to 14 bits. */
static int32_t sl_lane_drop(const int32_t *y, uint32_t columns, uint32_t scale) {
    uint32_t largest = 0;
    for (uint32_t j = 0; j < columns; j++) {
        uint32_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += sl_abs32(y[j * L + s]);
        }
        largest = sum > largest ? sum : largest;
    }
    return sl_bit_length64((uint64_t)largest * scale) - SL_LANE_BITS;
}

/* What remains to shift: at least what leaves five bits of the layer's largest input. */
static sl_shift_t sl_lane_shift(int32_t right, uint32_t largest, sl_scratch_t *scratch) {
    const int32_t least = sl_max32(sl_bit_length(largest) - SL_INPUT_BITS, 0);
    scratch->saturations[SL_SAT_GRADIENT] += right < least;
    right = sl_clamp32(right, least, SL_RIGHT_MAX);
    return (sl_shift_t){right, (int32_t)((1u << right) >> 1)};
}

SL_FOLD int32_t sl_round(int32_t x, sl_shift_t shift) {
    return (x + shift.half) >> shift.right;
}

/* A belief, stepped against the gradient: g is a lane times x, q one of the noise times x^2. */
SL_FOLD int8_t sl_step(int8_t belief, int32_t g, int32_t q, sl_shift_t by, sl_shift_t by_noisy,
                       int32_t doubled, uint32_t dither) {
    const int32_t entry = sl_entry(belief), t = sl_tanh(entry);
    const int32_t m = sl_round(g, by) - ((t * sl_round(q, by_noisy) + 128) >> 8);
    const int32_t y = (m * (entry >> 21) + 512) >> 10;
    const uint32_t against = sl_abs32(y) + (uint32_t)((y * t) >> 8);
    const uint32_t worth = against * SL_CAUTION_MANTISSA >> SL_CAUTION_SHIFT;
    const int32_t shrink = sl_shrink_table[worth < SL_SHRINK_LAST ? worth : SL_SHRINK_LAST];
    const int32_t step = (int32_t)((uint32_t)((y * shrink + 512) >> 10) << doubled);
    const int32_t u = (int32_t)(dither & ((1u << SL_STEP_FRAC_BITS) - 1));
    return (int8_t)sl_clamp32(belief - ((step + u) >> SL_STEP_FRAC_BITS), -SL_BELIEF_MAX,
                              SL_BELIEF_MAX);
}

/* The sum of a column's lanes, each with the sign of the row's input in its draw. */
SL_FOLD int32_t sl_signed_lanes(const int16_t *lane, const int32_t *below) {
    int32_t sum = 0;
    for (uint32_t s = 0; s < S; s++) {
        sum += below != 0 && below[s] < 0 ? -lane[s] : lane[s];
    }
    return sum;
}

/* Steps a row of layer 0. */
SL_INLINE void sl_learn_row(int8_t *b, int32_t x, sl_shift_t by, sl_shift_t by_noisy,
                            int32_t doubled, uint32_t word, const sl_scratch_t *scratch) {
    for (uint32_t j = 0; j < sl_layers[0].columns; j++) {
        b[j] = sl_step(b[j], x * scratch->lane_sum[j], x * x * scratch->noisy_sum[j], by, by_noisy,
                       doubled, word ^ scratch->column[j]);
    }
}

/* Steps the rows of a layer whose turn it is. */
static void sl_learn_rows(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t mantissa = scratch->norm_mantissa[index];
    const uint32_t scale = (SL_GAIN_MANTISSA * ((1u << 31) / mantissa)) >> 16;
    const int32_t exponent = 19 + SL_GAIN_EXPONENT - scratch->norm_exponent[index];
    const int32_t drop = sl_lane_drop(scratch->delta, layer->columns, scale);
    const int32_t drop_noisy = sl_lane_drop(scratch->noisy, layer->columns, scale);
    uint32_t largest_x = SL_SIGN, largest_lane = 0, largest_noisy = 0;
    for (uint32_t i = 0; index == 0 && i < layer->rows; i++) {
        const uint32_t x = sl_abs32(scratch->input[i]);
        largest_x = i == 0 || x > largest_x ? x : largest_x;
    }
    const sl_shift_t by = sl_lane_shift(exponent - drop, largest_x, scratch);
    const sl_shift_t by_noisy =
        sl_lane_shift(exponent + 4 - drop_noisy, largest_x * largest_x, scratch);
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t sum = 0, noisy_sum = 0;
        uint32_t size = 0;
        for (uint32_t s = 0; s < S; s++) {
            const uint32_t e = j * L + s;
            const int32_t lane =
                (int32_t)sl_shift_round64((int64_t)scratch->delta[e] * scale, drop);
            scratch->lane[e] = (int16_t)lane;
            sum += lane;
            size += sl_abs32(lane);
            noisy_sum += (int32_t)sl_shift_round64((int64_t)scratch->noisy[e] * scale, drop_noisy);
        }
        scratch->lane_sum[j] = (int16_t)sum;
        scratch->noisy_sum[j] = (int16_t)noisy_sum;
        size = index == 0 ? sl_abs32(sum) : size;
        largest_lane = size > largest_lane ? size : largest_lane;
        const uint32_t noisy_size = sl_abs32(noisy_sum);
        largest_noisy = noisy_size > largest_noisy ? noisy_size : largest_noisy;
    }
    const int32_t *below = index == 0 ? 0 : sl_units_below(scratch, index);
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t x = index == 0 ? scratch->input[i] : SL_SIGN, square = x * x;
        const int32_t bound = sl_round((int32_t)(sl_abs32(x) * largest_lane), by) +
                              sl_round(square * (int32_t)largest_noisy, by_noisy);
        if (bound == 0) {
            continue;
        }
        const int32_t doubled =
            sl_clamp32(SL_STEP_FRAC_BITS - sl_bit_length((uint32_t)bound), 0, SL_RAREST);
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        if (word >> 24 >= 256u >> doubled) {
            continue;
        }
        int8_t *b = state->belief + layer->belief + i * layer->width;
        const int32_t *signs = index == 0 || i >= sl_layers[index - 1].columns ? 0 : below + i * L;
        if (index == 0) {
            sl_learn_row(b, x, by, by_noisy, doubled, word, scratch);
        } else {
            for (uint32_t j = 0; j < layer->columns; j++) {
                const int32_t g = SL_SIGN * sl_signed_lanes(scratch->lane + j * L, signs);
                b[j] = sl_step(b[j], g, square * scratch->noisy_sum[j], by, by_noisy, doubled,
                               word ^ scratch->column[j]);
            }
        }
    }
}

/* sweep samples of the prior's pull on some rows. */
static void sl_pull_rows(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t start = (0u - (layer->first + state->n_samples)) & (SL_SWEEP - 1u);
    for (uint32_t i = start; i < layer->rows; i += SL_SWEEP) {
        const uint32_t word = sl_noise_word(key, SL_STREAM_PULL + index, i);
        int8_t *b = state->belief + layer->belief + i * layer->width;
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t size = (int32_t)sl_abs32(b[j]);
            const int32_t u = (int32_t)((word ^ scratch->column[j]) & 0xFFFFu);
            const int32_t step = (sl_pull_table[size] + u) >> 16;
            scratch->saturations[SL_SAT_MU] += size == SL_BELIEF_MAX;
            b[j] = (int8_t)(b[j] < 0 ? b[j] + step : b[j] - step);
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_step_key(state);
    sl_head_gradient(scratch, scratch->logits, target);
    for (uint32_t e = 0; e < SL_N_OUTPUTS * L; e++) {
        scratch->delta[e] = sl_shift_round32((scratch->logits[e] >> 4) * SL_SCALE, 8);
    }
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noisy(layer, scratch);
        if (index > 0) {
            sl_bimu_backward(index, state, scratch);
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            scratch->column[j] = (uint16_t)sl_noise_word(key, SL_STREAM_COLUMN + index, j);
        }
        if (scratch->norm_mantissa[index] != 0) {
            sl_learn_rows(index, key, state, scratch);
        }
        if (!SL_REPLAYING(state)) {
            sl_pull_rows(index, key, state, scratch);
        }
        for (uint32_t e = 0; index > 0 && e < sl_layers[index - 1].columns * L; e++) {
            scratch->delta[e] = scratch->below[e];
        }
    }
}
