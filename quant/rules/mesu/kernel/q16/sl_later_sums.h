/* Later layers, one input for each draw: the products of the inputs with mu, and of their squares
 * with sigma^2. */
#pragma once

#include "sl_build.h"
#include "sl_first.h"
#include "sl_rule.h"
#include "sl_variance.h"

/* By how much a layer's inputs were shortened, and the exponent of its sums of squares. */
typedef struct {
    int32_t k_mean, narrow, scale;
} sl_sums_t;

enum { SL_NARROW_MAX = 255 };

/* Inputs of 8 bits into `narrowed`; returns what the sums are shortened by, their scale not yet. */
SL_INLINE sl_sums_t sl_later_narrow(const int16_t *x, uint32_t rows, uint8_t *narrowed) {
    uint32_t sums[L] = {0}, size = 0;
    int32_t most = 0;
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < L; s++) {
            sums[s] += (uint32_t)x[i * L + s]; /* never negative */
            most = sl_max32(most, x[i * L + s]);
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        size = sums[s] > size ? sums[s] : size;
    }
    const int32_t narrow = sl_max32(0, sl_bit_length((uint32_t)most) - 8);
    const int32_t half = narrow == 0 ? 0 : 1 << (narrow - 1);
    for (uint32_t e = 0; e < rows * L; e++) {
        narrowed[e] = (uint8_t)sl_min32((x[e] + half) >> narrow, SL_NARROW_MAX);
    }
    return (sl_sums_t){sl_max32(0, sl_bit_length(size) - 16), narrow, 0};
}

SL_INLINE sl_squares_t sl_later_squares(const uint8_t *narrowed, const int8_t *exponent,
                                        uint32_t rows) {
    int32_t most = -128;
    uint32_t each = 0;
    uint64_t totals[L] = {0}, total = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            any |= narrowed[i * L + s];
        }
        most = any == 0 ? most : sl_max32(most, exponent[i]);
    }
    most = most == -128 ? 1 : most;
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t wide = sl_square_wide(narrowed[i * L + s], most - exponent[i]);
            each = wide > each ? wide : each;
            totals[s] += wide;
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        total = totals[s] > total ? totals[s] : total;
    }
    return (sl_squares_t){most, sl_squares_shift(each, total, most)};
}

/* Sets mean and power, [unit][draw]. */
SL_INLINE sl_sums_t sl_later_sums(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  int32_t *restrict mean, uint32_t *restrict power) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    uint8_t *narrowed = scratch->narrowed + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    sl_sums_t sums = sl_later_narrow(x, layer->rows, narrowed);
    const sl_squares_t squares = sl_later_squares(narrowed, exponent, layer->rows);
    sums.scale = squares.most + squares.k - SL_SQUARE_MORE_BITS;
    for (uint32_t i = 0; i < layer->rows; i++) {
        int16_t *row_x = scratch->pairs_a + 2 * (i / 2 * L) + i % 2;
        int16_t *row_square = scratch->pairs_b + 2 * (i / 2 * L) + i % 2;
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t e = i * L + s;
            row_x[2 * s] = (int16_t)(x[e] >> sums.k_mean);
            row_square[2 * s] = (int16_t)sl_square(narrowed[e], exponent[i], squares);
        }
    }
    for (uint32_t s = 0; layer->rows % 2 && s < L; s++) {
        scratch->pairs_a[2 * (layer->rows / 2 * L + s) + 1] = 0;
        scratch->pairs_b[2 * (layer->rows / 2 * L + s) + 1] = 0;
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        const uint32_t step = 2 * layer->columns, gap = layer->columns;
        const sl_numbers_t mus = {mu + j, step, gap, layer->rows};
        const sl_numbers_t rhos = {rho + j, step, gap, layer->rows};
        sl_dot(scratch->pairs_a, L, L, mus, mean + j * L);
        sl_dot(scratch->pairs_b, L, L, rhos, (int32_t *)power + j * L);
    }
    return sums;
}
