/* Factored variance: the step of mu, its prior's pull, and its range. Golden model:
 * golden_mu.py of the rule. */
#pragma once

#include "sl_factor.h"
#include "sl_gain.h"
#include "sl_noise.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_tiles.h"

/* A column's factor at the exponent of the largest, 15 bits. */
static inline int32_t sl_column_weight(uint32_t column, int32_t top) {
    return (int32_t)(sl_top_bits(column, 16) >> sl_min32(top - sl_factor_octave(column) + 1, 31));
}

#define SL_LANE(j) (SL_ON_HOST ? (j) : 0)

/* What a row's step of mu takes: factor * w[j] >> right, and the row's dither. */
typedef struct {
    int32_t factor, right;
    uint32_t word;
} sl_factored_row_t;

/* A row's step of mu, with dither by rank one; high bits of `beyond`, on the host of each unit's,
 * tell of what left int16. */
SL_INLINE void sl_factored_update_row_q16(sl_factored_row_t row, int16_t *restrict mu,
                                          const int32_t *restrict w, uint32_t n,
                                          const uint32_t *restrict column_word,
                                          uint32_t *restrict beyond, uint32_t *steps) {
    if (row.right >= 0) {
        const int32_t right = sl_min32(row.right, 31);
        SL_VECTOR
        for (uint32_t j = 0; j < n; j++) {
            const uint32_t dither = (row.word ^ column_word[j]) & 0xFFFFu;
            const int32_t step = (((row.factor * w[j]) >> right) + (int32_t)dither) >> 16;
            const int32_t wide = mu[j] + step;
            beyond[SL_LANE(j)] |= (uint32_t)wide + 32768u;
            mu[j] = (int16_t)sl_clamp32(wide, -32768, 32767);
        }
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t dither = (row.word ^ column_word[j]) & 0xFFFFu;
        const int32_t step =
            sl_shift_saturate(row.factor * w[j], row.right, SL_MU_STEP_BITS, steps);
        const int32_t wide = mu[j] + ((step + (int32_t)dither) >> 16);
        beyond[SL_LANE(j)] |= (uint32_t)wide + 32768u;
        mu[j] = (int16_t)sl_clamp32(wide, -32768, 32767);
    }
}

static inline sl_factored_row_t sl_first_row(int32_t x, uint32_t code, int32_t right,
                                             uint32_t word) {
    const int32_t factor = -((x * (int32_t)sl_top_bits(code, 16) + 128) >> 8);
    return (sl_factored_row_t){factor, right - sl_factor_octave(code), word};
}

#ifdef SL_HOST
SL_INLINE void sl_update_units(const sl_layer_t *layer, const sl_scratch_t *scratch, int16_t *mu,
                               const int32_t *g, const uint32_t *column_word, uint32_t units,
                               uint32_t *beyond, uint32_t *steps) {
    int32_t w[SL_FIRST_TILE] = {0};
    uint32_t word[SL_FIRST_TILE] = {0}, each[SL_FIRST_TILE] = {0};
    for (uint32_t j = 0; j < units; j++) {
        w[j] = g[j];
        word[j] = column_word[j];
    }
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const sl_factored_row_t row = {scratch->row_factor[i], scratch->row_right[i],
                                       scratch->row_word[i]};
        sl_factored_update_row_q16(row, mu + i * layer->columns, w, units, word, each, steps);
    }
    for (uint32_t j = 0; j < units; j++) {
        *beyond |= each[j];
    }
}

/* Layer 0: all its rows whose input is not 0, a tile of units at a time, so that what the rows
 * share stays in registers. */
SL_INLINE void sl_update_first(const sl_layer_t *layer, sl_state_t *state, sl_scratch_t *scratch,
                               uint32_t key, int32_t right, const int32_t *g, uint32_t *beyond) {
    uint32_t *steps = &scratch->saturations[SL_SAT_GRADIENT];
    int16_t *mu = state->mu + layer->synapse;
    const uint32_t *row = state->row + layer->first;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const sl_factored_row_t made =
            sl_first_row(scratch->input[i], row[i], right, sl_noise_word(key, SL_STREAM_ROW, i));
        scratch->row_factor[i] = made.factor;
        scratch->row_right[i] = made.right;
        scratch->row_word[i] = made.word;
    }
    for (uint32_t j = 0; j < layer->columns; j += SL_FIRST_TILE) {
        if (layer->columns - j >= SL_FIRST_TILE) {
            sl_update_units(layer, scratch, mu + j, g + j, scratch->column_word + j, SL_FIRST_TILE,
                            beyond, steps);
        } else {
            sl_update_units(layer, scratch, mu + j, g + j, scratch->column_word + j,
                            layer->columns % SL_FIRST_TILE, beyond, steps);
        }
    }
}
#else
/* Layer 0: all its rows whose input is not 0. */
SL_INLINE void sl_update_first(const sl_layer_t *layer, sl_state_t *state, sl_scratch_t *scratch,
                               uint32_t key, int32_t right, const int32_t *g, uint32_t *beyond) {
    uint32_t *steps = &scratch->saturations[SL_SAT_GRADIENT];
    int16_t *mu = state->mu + layer->synapse;
    const uint32_t *row = state->row + layer->first;
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW, i);
        sl_factored_update_row_q16(sl_first_row(scratch->input[i], row[i], right, word),
                                   mu + i * layer->columns, g, layer->columns, scratch->column_word,
                                   beyond, steps);
    }
}
#endif

/* SL_SWEEP samples of the prior's pull on one row of mu; the largest magnitude after it. */
SL_INLINE uint32_t sl_factored_pull_row_q16(int16_t *restrict mu, uint32_t n, int32_t prior,
                                            int32_t strength, int32_t right,
                                            const int32_t *restrict weight, uint32_t row_word,
                                            const uint32_t *restrict column_word,
                                            uint32_t *beyond) {
    uint32_t bits = 0;
    int32_t peak = 0;
    right = sl_clamp32(right, 0, 31);
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t dither = (row_word ^ column_word[j]) & 0xFFFFu;
        const int32_t step = ((prior - mu[j]) * ((strength * weight[j]) >> 16)) >> right;
        const int32_t wide = mu[j] + ((step + (int32_t)dither) >> 16);
        const int32_t kept = sl_clamp32(wide, -32768, 32767);
        bits |= (uint32_t)wide + 32768u;
        mu[j] = (int16_t)kept;
        peak = sl_max32(peak, kept < 0 ? -kept : kept);
    }
    *beyond |= bits;
    return (uint32_t)peak;
}

/* Later layers: sum a row's x g over the draws, into row_w; g is [draw][unit]. */
SL_INLINE void sl_factored_row_gradient_q16(const int32_t *x, int32_t spare, uint32_t columns,
                                            const int32_t *restrict g, int32_t *restrict row_w) {
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum += x[s] * g[s * columns + j];
        }
        row_w[j] = sl_shift_round32(sum, spare);
    }
}

SL_INLINE void sl_update_later(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                               uint32_t key, int32_t right, int32_t narrow, int32_t spare,
                               const int32_t *g, uint32_t *beyond) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const uint32_t *row = state->row + layer->first;
    uint32_t each[SL_LANE(SL_MAX_UNITS - 1) + 1] = {0};
    for (uint32_t i = 0; i < layer->rows; i++) {
        int32_t narrowed[S], any = 0;
        for (uint32_t s = 0; s < S; s++) {
            narrowed[s] = sl_min32(sl_shift_round32(x[i * L + s], narrow), 255);
            any |= narrowed[s];
        }
        if (any == 0) { /* a row whose input is 0 does not move */
            continue;
        }
        sl_factored_row_gradient_q16(narrowed, spare, layer->columns, g, scratch->row_w);
        const sl_factored_row_t made = {-(int32_t)sl_top_bits(row[i], 12),
                                        right - sl_factor_octave(row[i]),
                                        sl_noise_word(key, SL_STREAM_ROW + index, i)};
        sl_factored_update_row_q16(made, state->mu + layer->synapse + i * layer->columns,
                                   scratch->row_w, layer->columns, scratch->column_word, each,
                                   &scratch->saturations[SL_SAT_GRADIENT]);
    }
    for (uint32_t j = 0; j < sizeof each / sizeof each[0]; j++) {
        *beyond |= each[j];
    }
}

/* Give mu a bit more room where it nearly fills its range, a bit less where it is small. */
static void sl_update_range(uint32_t index, uint32_t key, sl_state_t *state,
                            const uint32_t *column_word, uint32_t peak, uint32_t cycle) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t n = layer->rows * layer->columns;
    int16_t *mu = state->mu + layer->synapse, *frac_bits = &state->mu_frac_bits[index];
    if (peak >= SL_PEAK_HIGH && *frac_bits > 0) {
        for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns) {
            const uint32_t word = sl_noise_word(key, SL_STREAM_RANGE + index, i);
            for (uint32_t j = 0; j < layer->columns; j++) {
                mu[j] = (int16_t)((mu[j] + (int32_t)((word ^ column_word[j]) & 1u)) >> 1);
            }
        }
        (*frac_bits)--;
        sl_step_rescale(state, index, -1);
        state->mu_peak[index] = (uint16_t)(cycle ? 0 : peak >> 1);
        return;
    }
    state->mu_peak[index] = (uint16_t)(cycle ? 0 : peak);
    if (!cycle || peak >= SL_PEAK_LOW || *frac_bits >= SL_MU_FRAC_BITS_MAX) {
        return;
    }
    int32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        most = sl_max32(most, mu[e] < 0 ? -mu[e] : mu[e]);
    }
    if (most < SL_PEAK_LOW) {
        for (uint32_t e = 0; e < n; e++) {
            mu[e] = (int16_t)(mu[e] * 2);
        }
        (*frac_bits)++;
        sl_step_rescale(state, index, 1);
    }
}
