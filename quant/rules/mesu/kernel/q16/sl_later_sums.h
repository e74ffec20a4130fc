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
            const uint32_t wide =
                sl_wide((uint32_t)(narrowed[i * L + s] * narrowed[i * L + s]), most - exponent[i]);
            each = wide > each ? wide : each;
            totals[s] += wide;
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        total = totals[s] > total ? totals[s] : total;
    }
    return (sl_squares_t){most, sl_squares_shift(each, total, most)};
}

/* Two rows of a draw side by side: inputs, k_mean bits shorter, and squares. */
SL_INLINE void sl_row_pairs(const int16_t *restrict x, const uint8_t *restrict narrowed,
                            const int8_t *exponent, uint32_t rows, int32_t k_mean,
                            sl_squares_t squares, int16_t *restrict pairs_x,
                            int16_t *restrict pairs_square) {
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t alone = i % 2 == 0 && i + 1 == rows;
        const int32_t below = sl_min32(squares.most - exponent[i], 31);
        int16_t *restrict two_x = pairs_x + i / 2 * 2 * L + i % 2;
        int16_t *restrict two_squares = pairs_square + i / 2 * 2 * L + i % 2;
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t e = i * L + s, size = narrowed[e];
            two_x[2 * s] = (int16_t)(x[e] >> k_mean);
            two_squares[2 * s] = (int16_t)sl_square_of(sl_wide(size * size, below), squares.k);
        }
        for (uint32_t s = 0; alone && s < L; s++) {
            two_x[2 * s + 1] = two_squares[2 * s + 1] = 0;
        }
    }
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
    sl_row_pairs(x, narrowed, exponent, layer->rows, sums.k_mean, squares, scratch->pairs_a,
                 scratch->pairs_b);
    for (uint32_t j = 0; j < layer->columns; j++) {
        const uint32_t step = 2 * layer->columns, gap = layer->columns;
        const sl_numbers_t mus = {mu + j, step, gap, layer->rows};
        const sl_numbers_t rhos = {rho + j, step, gap, layer->rows};
        sl_dot_pairs(scratch->pairs_a, L, L, mus, mean + j * L);
        sl_dot_pairs(scratch->pairs_b, L, L, rhos, (int32_t *)power + j * L);
    }
    return sums;
}
