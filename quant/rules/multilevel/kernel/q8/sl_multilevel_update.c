/* Weights of few levels, learning. Golden model: the rule's golden.py, function for function. */
#include "sl_head_gradient.h"
#include "sl_integer.h"
#include "sl_multilevel.h"
#include "sl_noise.h"
#include "sl_parts.h"
#include "sl_replay.h"

enum {
    SL_DELTA_MAX = (1 << 19) - 1,
    SL_CERTAIN = 1 << 24,
    SL_RAREST = 8,
    SL_KEEP_LAST = 255,
    SL_COUNTER_MAX = 255,
};

static const uint16_t sl_keep_table[SL_KEEP_LAST + 1] = SL_KEEP_TABLE;

/* The gradient by the sums of the layer below, of the units that gave something; 0 for others. */
static void sl_errors_below(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    for (uint32_t i = 0; i < sl_layers[index - 1].columns; i++) {
        scratch->below[i] = 0;
        if (sl_input(scratch, index, i) == 0) {
            continue;
        }
        const uint8_t *levels = state->level + layer->level + i * layer->width;
        int64_t sum = 0;
        for (uint32_t j = 0; j < layer->columns; j++) {
            sum += (int64_t)(2 * levels[j] - SL_STEPS) * scratch->delta[j];
        }
        const int64_t found = sl_shift_round64(sum * layer->back, 16);
        scratch->below[i] = sl_clamp64(found, SL_DELTA_MAX);
        scratch->saturations[SL_SAT_GRADIENT] += scratch->below[i] != found;
    }
}

/* The probability that each column steps, for an input of 1/16; returns the largest. */
static uint32_t sl_chances(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t scale =
        (layer->gain_mantissa * ((1u << 31) / scratch->norm_mantissa[index])) >> 16;
    const int32_t right = layer->gain_exponent + 7 - scratch->norm_exponent[index];
    uint32_t most = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const uint64_t wide = (uint64_t)sl_abs32(scratch->delta[j]) * scale;
        const uint64_t found = right > 0 ? wide >> sl_min32(right, 62) : wide << -right;
        scratch->chance[j] = found < SL_CERTAIN ? (uint32_t)found : SL_CERTAIN;
        most = scratch->chance[j] > most ? scratch->chance[j] : most;
    }
    return most;
}

static inline uint32_t sl_within(uint32_t probability) {
    return probability < SL_CERTAIN ? probability : SL_CERTAIN;
}

/* Moves weights of one row by one level each, by chance. */
static void sl_move_row(uint8_t *levels, const uint8_t *used, int32_t x, uint32_t e, uint32_t word,
                        uint32_t columns, const sl_scratch_t *scratch) {
    const uint32_t size = sl_abs32(x);
    for (uint32_t j = 0; j < columns; j++) {
        const uint32_t p = (sl_within(size * scratch->chance[j]) << e) >> 8;
        const uint32_t u = (word ^ scratch->column[j]) & 0xFFFFu;
        if (u >= p) { /* most: what keeps a weight only makes this less likely */
            continue;
        }
        const int32_t level = levels[j];
        uint32_t worth = (used[j] * sl_abs32(2 * level - SL_STEPS) * SL_CONSOLIDATION) >> 16;
        worth = worth < SL_KEEP_LAST ? worth : SL_KEEP_LAST;
        if (u < (p * sl_keep_table[worth]) >> 16) {
            const int32_t by = (scratch->delta[j] < 0) == (x < 0) ? -1 : 1;
            levels[j] = (uint8_t)sl_clamp32(level + by, 0, SL_STEPS);
        }
    }
}

static void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t most = sl_chances(index, scratch);
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t x = sl_input(scratch, index, i);
        const uint32_t bound = sl_within(sl_abs32(x) * most);
        if (bound == 0) {
            continue;
        }
        const uint32_t e = (uint32_t)sl_clamp32(24 - sl_bit_length(bound), 0, SL_RAREST);
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        if (word >> 24 < 256u >> e) {
            const uint32_t at = layer->level + i * layer->width;
            sl_move_row(state->level + at, state->used + at, x, e, word, layer->columns, scratch);
        }
    }
}

/* Whether unit j of a layer is active: of the last layer the class that was taught. */
static uint32_t sl_post(uint32_t index, uint32_t j, uint32_t target, const sl_scratch_t *scratch) {
    return index + 1 == SL_N_LAYERS ? j == target : sl_input(scratch, index + 1, j) >= SL_ACTIVE;
}

/* Counts synapses whose two ends are active, by chance. */
static void sl_grow(uint32_t index, uint32_t key, uint32_t target, sl_state_t *state,
                    sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    for (uint32_t i = 0; layer->growth != 0 && i < layer->rows; i++) {
        if (sl_abs32(sl_input(scratch, index, i)) < SL_ACTIVE) {
            continue;
        }
        const uint32_t word = sl_noise_word(key, SL_STREAM_RANGE + index, i);
        if (word >> 24 >= 256u >> layer->rare) {
            continue;
        }
        uint8_t *used = state->used + layer->level + i * layer->width;
        for (uint32_t j = 0; j < layer->columns; j++) {
            if (((word ^ scratch->column[j]) & 0xFFFFu) < layer->growth &&
                used[j] < SL_COUNTER_MAX && sl_post(index, j, target, scratch)) {
                used[j]++;
            }
        }
    }
}

/* sweep samples of the counters' decay on some rows. */
static void sl_fade(uint32_t index, uint32_t key, sl_state_t *state, const sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t start = (0u - (layer->first + state->n_samples)) & (SL_SWEEP - 1u);
    for (uint32_t i = start; i < layer->rows; i += SL_SWEEP) {
        const uint32_t word = sl_noise_word(key, SL_STREAM_PULL + index, i);
        uint8_t *used = state->used + layer->level + i * layer->width;
        for (uint32_t j = 0; j < layer->columns; j++) {
            const uint32_t u = (word ^ scratch->column[j]) & 0xFFFFu;
            used[j] = (uint8_t)(used[j] - ((used[j] * SL_FADE + u) >> 16));
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_step_key(state);
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        for (uint32_t s = 0; s < L; s++) {
            scratch->logits[k * L + s] = s == 0 ? scratch->logit_sum[k] : 0;
        }
    }
    sl_head_gradient(scratch, scratch->logits, target);
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        scratch->delta[k] = scratch->logits[k * L] >> 4;
    }
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        if (index > 0) {
            sl_errors_below(index, state, scratch);
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            scratch->column[j] = (uint16_t)sl_noise_word(key, SL_STREAM_COLUMN + index, j);
        }
        if (scratch->norm_mantissa[index] != 0 && layer->gain_mantissa != 0) {
            sl_learn_layer(index, key, state, scratch);
        }
        if (!SL_REPLAYING(state)) {
            sl_grow(index, key, target, state, scratch);
            if (SL_FADE != 0) {
                sl_fade(index, key, state, scratch);
            }
        }
        for (uint32_t j = 0; index > 0 && j < sl_layers[index - 1].columns; j++) {
            scratch->delta[j] = scratch->below[j];
        }
    }
}
