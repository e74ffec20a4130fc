/* BiMU in integers, learning. Golden model: the rule's golden.py and golden_steps.py, function for
 * function; the rule's NUMBERS.md. */
#include "sl_belief_pull.h"
#include "sl_bimu.h"
#include "sl_bimu_later.h"
#include "sl_bimu_step.h"
#include "sl_gather.h"
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
};

/* A row that is taken: its input and the square of that, how often its steps are doubled. */
typedef struct {
    sl_shift_t by, by_noisy;
    int32_t x, square, doubled;
    uint32_t word;
    const int32_t *middle; /* of the table of beliefs */
} sl_row_t;

/* Gradient times noise over deviation, Q.16. */
static void sl_noisy(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t *spreads = sl_spreads(scratch, index);
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            const uint32_t spread = spreads[index == 0 ? j : j * L + s];
            const int64_t inverse = spread == 0 ? 0 : (1u << 30) / spread;
            const int64_t epsilon = scratch->epsilon[(layer->unit + j) * L + s];
            const int64_t ratio = sl_shift_round64(epsilon * inverse, 14);
            const int64_t noisy = sl_shift_round64(scratch->delta[j * L + s] * ratio, 12);
            const int32_t kept = sl_clamp64(noisy, SL_RATIO_MAX);
            scratch->saturations[SL_SAT_GRADIENT] += kept != noisy;
            scratch->noisy[j * L + s] = kept;
        }
    }
}

/* The gradient by the normalised sums of the layer below: of units that pass it on. */
static void sl_bimu_backward(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const sl_later_t *below = sl_later_inputs(scratch, index);
    const int64_t inverse = sl_bimu_inverse(scratch->size[index]);
    const int32_t right = sl_max32(31 - scratch->size[index].exponent, 0);
    for (uint32_t i = 0; i < sl_layers[index - 1].columns; i++) {
        const sl_belief_t *beliefs = state->belief + layer->belief + i * layer->width;
        for (uint32_t s = 0; s < S; s++) {
            const sl_passing_t passing = sl_later_passing(scratch, index, i * L + s);
            scratch->below[i * L + s] = 0;
            if (passing == 0) {
                continue;
            }
            int64_t mean = 0, spread = 0;
            for (uint32_t j = 0; j < layer->columns; j++) {
                const int32_t entry = sl_entry(beliefs[j]);
                mean += (int64_t)sl_low_half(entry) * scratch->delta[j * L + s];
                spread += (int64_t)(entry >> 16) * scratch->noisy[j * L + s];
            }
            const int64_t through = sl_later_times(sl_shift_round64(spread, 15), below[i * L + s]);
            const int64_t sum = sl_shift_round64(mean, 8) + through;
            const int64_t found = sl_shift_round64(sl_later_turned(sum, passing) * inverse, right);
            const int32_t kept = sl_clamp64(found, SL_DELTA_MAX);
            scratch->saturations[SL_SAT_GRADIENT] += kept != found;
            scratch->below[i * L + s] = sl_later_passed(kept, passing);
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

/* Where column k of those that learn lies; on the host all do, so that they fill vectors. */
SL_FOLD uint32_t sl_column_of(const sl_scratch_t *scratch, uint32_t k) {
    return SL_ON_HOST ? k : scratch->learns[k];
}

/* Steps a row of layer 0. */
SL_FOLD void sl_learn_row(sl_belief_t *beliefs, const sl_row_t *row, uint32_t n, uint32_t calm,
                          const sl_scratch_t *scratch) {
    const sl_row_t own = *row;
    for (uint32_t k = 0; k < n; k++) {
        sl_belief_t *belief = beliefs + sl_column_of(scratch, k);
        const int32_t b = *belief, g = own.x * scratch->lane_sum[k];
        const int32_t q = own.square * scratch->noisy_sum[k];
        const int32_t step =
            sl_step(own.middle + sl_belief_byte(b), g, q, own.by, own.by_noisy, calm);
        sl_move(belief, b, step, own.doubled, own.word ^ scratch->dither[k]);
    }
}

SL_INLINE void sl_learn_calm(sl_belief_t *beliefs, const sl_row_t *row, uint32_t n,
                             const sl_scratch_t *scratch) {
    sl_learn_row(beliefs, row, n, 1, scratch);
}

SL_INLINE void sl_learn_wild(sl_belief_t *beliefs, const sl_row_t *row, uint32_t n,
                             const sl_scratch_t *scratch) {
    sl_learn_row(beliefs, row, n, 0, scratch);
}

/* Steps a row of a later layer, whose inputs `x` lie by draw; 0 for a bias. */
SL_INLINE void sl_learn_later(sl_belief_t *beliefs, const sl_row_t *row, uint32_t n,
                              const sl_later_t *x, const sl_scratch_t *scratch) {
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t j = sl_column_of(scratch, k);
        const int32_t b = beliefs[j];
        const int32_t g = sl_later_sum(scratch->lane + j * L, x);
        const int32_t q = sl_later_square_sum(scratch->noisy_lane + j * L, x);
        const int32_t step =
            sl_step(row->middle + sl_belief_byte(b), g, q, row->by, row->by_noisy, 0);
        sl_move(beliefs + j, b, step, row->doubled, row->word ^ scratch->dither[k]);
    }
}

/* Steps the rows of a layer whose turn it is. */
static void sl_learn_rows(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const sl_size_t whole = scratch->size[index];
    const uint32_t scale = (SL_GAIN_MANTISSA * sl_bimu_inverse(whole)) >> 16;
    const int32_t exponent = 23 + SL_GAIN_EXPONENT - whole.exponent;
    const int32_t drop = sl_lane_drop(scratch->delta, layer->columns, scale);
    const int32_t drop_noisy = sl_lane_drop(scratch->noisy, layer->columns, scale);
    uint32_t largest_x = sl_later_largest(scratch, index);
    uint32_t largest_lane = 0, largest_noisy = 0, n = 0;
    for (uint32_t i = 0; index == 0 && i < layer->rows; i++) {
        const uint32_t x = sl_abs32(scratch->input[i]);
        largest_x = i == 0 || x > largest_x ? x : largest_x;
    }
    const sl_shift_t by = sl_lane_shift(exponent - drop, largest_x, scratch);
    const sl_shift_t by_noisy =
        sl_lane_shift(exponent + 4 - drop_noisy, largest_x * largest_x, scratch);
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t sum = 0, noisy_sum = 0;
        uint32_t size = 0, noisy_size = 0;
        for (uint32_t s = 0; s < S; s++) {
            const uint32_t e = j * L + s;
            const int32_t lane =
                (int32_t)sl_shift_round64((int64_t)scratch->delta[e] * scale, drop);
            scratch->lane[e] = (int16_t)lane;
            sum += lane;
            size += sl_abs32(lane);
            const int32_t noisy_lane =
                (int32_t)sl_shift_round64((int64_t)scratch->noisy[e] * scale, drop_noisy);
            scratch->noisy_lane[e] = (int16_t)noisy_lane;
            noisy_sum += noisy_lane;
            noisy_size += sl_abs32(noisy_lane);
        }
        size = index == 0 ? sl_abs32(sum) : size;
        noisy_size = index == 0 ? sl_abs32(noisy_sum) : noisy_size;
        largest_lane = size > largest_lane ? size : largest_lane;
        largest_noisy = noisy_size > largest_noisy ? noisy_size : largest_noisy;
        if (SL_ON_HOST || (size | noisy_size) != 0) { /* else no step of the column moves */
            scratch->lane_sum[n] = (int16_t)sum;
            scratch->noisy_sum[n] = (int16_t)noisy_sum;
            scratch->dither[n] = scratch->column[j] & SL_DITHER;
            scratch->learns[n++] = (uint16_t)j;
        }
    }
    const sl_later_t *below = index == 0 ? 0 : sl_later_inputs(scratch, index);
    for (uint32_t i = 0; i < layer->rows; i++) {
        const uint32_t bias = index > 0 && i >= sl_later_rows(index);
        const sl_later_t *inputs = index == 0 || bias ? 0 : below + i * L;
        const int32_t x = index == 0 ? scratch->input[i] : sl_later_size(inputs);
        if (index > 0 && x == 0) {
            continue;
        }
        sl_row_t row = {by, by_noisy, x, 0, 0, 0, sl_belief_table + 128};
        row.square = row.x * row.x;
        const uint32_t bound = (uint32_t)sl_round((int32_t)(sl_abs32(row.x) * largest_lane), by) +
                               (uint32_t)sl_round(row.square * (int32_t)largest_noisy, by_noisy);
        if (bound == 0) {
            continue;
        }
        row.doubled = sl_clamp32(SL_STEP_FRAC_BITS - sl_bit_length(bound), 0, SL_RAREST);
        row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        if (row.word >> 24 >= 256u >> row.doubled) {
            continue;
        }
        row.word &= SL_DITHER;
        sl_belief_t *b = state->belief + layer->belief + i * layer->width;
        if (index > 0) {
            sl_learn_later(b, &row, n, inputs, scratch);
        } else if (2 * bound * SL_CAUTION_MANTISSA >> SL_CAUTION_SHIFT == 0) {
            sl_learn_calm(b, &row, n, scratch);
        } else {
            sl_learn_wild(b, &row, n, scratch);
        }
    }
}

/* sweep samples of the prior's pull on some rows. */
static void sl_pull_rows(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t start = (0u - (layer->first + state->n_samples)) & (SL_SWEEP - 1u);
    for (uint32_t i = start; i < layer->rows; i += SL_SWEEP) {
        const uint32_t word = sl_noise_word(key, SL_STREAM_PULL + index, i);
        sl_belief_t *b = state->belief + layer->belief + i * layer->width;
        for (uint32_t j = 0; j < layer->columns; j++) {
            const uint32_t size = sl_abs32(b[j]);
            const uint32_t u = (word ^ scratch->column[j]) & 0xFFFFu;
            const int32_t step = (int32_t)((sl_belief_pull(size) + u) >> 16);
            scratch->saturations[SL_SAT_MU] += size == SL_BELIEF_MAX;
            b[j] = (sl_belief_t)(b[j] < 0 ? b[j] + step : b[j] - step);
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_step_key(state);
    sl_head_gradient(scratch, scratch->logits, target);
    for (uint32_t e = 0; e < SL_N_OUTPUTS * L; e++) {
        scratch->delta[e] = scratch->logits[e] >> 4;
    }
    sl_bimu_without_radial(scratch);
    for (uint32_t e = 0; e < SL_N_OUTPUTS * L; e++) {
        const int64_t delta = sl_shift_round64((int64_t)scratch->delta[e] * SL_SCALE, 8);
        const int32_t kept = sl_clamp64(delta, SL_DELTA_MAX);
        scratch->saturations[SL_SAT_GRADIENT] += kept != delta;
        scratch->delta[e] = kept;
    }
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noisy(index, scratch);
        if (index > 0) {
            sl_bimu_backward(index, state, scratch);
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            scratch->column[j] = (uint16_t)sl_noise_word(key, SL_STREAM_COLUMN + index, j);
        }
        if (SL_GATHERS && index == 0 && !SL_REPLAYING(state)) {
            sl_gather_learn(key, state, scratch);
        } else if (scratch->size[index].mantissa != 0) {
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
