/* Later layers on the host, one input for each draw: the products of the inputs with mu, and of
 * their squares with sigma^2. */
#pragma once

#include <string.h>

#include "sl_build.h"
#include "sl_first.h"
#include "sl_first_sums.h"
#include "sl_rows.h"
#include "sl_rule.h"
#include "sl_variance.h"

enum { SL_UNITS_AT_ONCE = 16 };

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
    uint32_t each = 0, largest[L] = {0};
    uint64_t totals[L] = {0}, total = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            any |= narrowed[i * L + s];
        }
        most = any == 0 ? most : sl_max32(most, exponent[i]);
    }
    most = most == -128 ? 1 : most;
    for (uint32_t start = 0; start < rows; start += SL_SUMMED_SQUARES) {
        const uint32_t left = rows - start,
                       end = left < SL_SUMMED_SQUARES ? rows : start + SL_SUMMED_SQUARES;
        uint32_t some[L] = {0};
        for (uint32_t i = start; i < end; i++) {
            const int32_t below = most - exponent[i];
            for (uint32_t s = 0; s < L; s++) {
                const uint32_t x = narrowed[i * L + s], wide = sl_wide(x * x, below);
                largest[s] = wide > largest[s] ? wide : largest[s];
                some[s] += wide;
            }
        }
        for (uint32_t s = 0; s < L; s++) {
            totals[s] += some[s];
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        each = largest[s] > each ? largest[s] : each;
        total = totals[s] > total ? totals[s] : total;
    }
    return (sl_squares_t){most, sl_squares_shift(each, total, most)};
}

/* Two numbers side by side, the first below. */
static inline void sl_both_to(int16_t *at, int32_t first, int32_t second) {
    const uint32_t word = ((uint32_t)first & 0xFFFFu) | (uint32_t)second << 16;
    memcpy(at, &word, sizeof word);
}

/* Two rows of a draw side by side: inputs, k_mean bits shorter, and squares. Of an odd number of
 * rows the last is alone. */
SL_INLINE void sl_row_pairs(const int16_t *restrict x, const uint8_t *restrict narrowed,
                            const int8_t *exponent, uint32_t rows, int32_t k_mean,
                            sl_squares_t squares, int16_t *restrict pairs_x,
                            int16_t *restrict pairs_square) {
    for (uint32_t i = 0; i < rows; i += 2) {
        const uint32_t more = i + 1 < rows, next = more ? (i + 1) * L : 0;
        const int32_t below = squares.most - exponent[i];
        const int32_t below_next = more ? squares.most - exponent[i + 1] : 31;
        const int32_t right = sl_max32(squares.k, 0), left = sl_max32(-squares.k, 0);
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t a = narrowed[i * L + s], b = more ? narrowed[next + s] : 0;
            sl_both_to(pairs_x + i * L + 2 * s, x[i * L + s] >> k_mean,
                       more ? x[next + s] >> k_mean : 0);
            sl_both_to(pairs_square + i * L + 2 * s,
                       (int32_t)(sl_wide(a * a, below) >> right << left),
                       (int32_t)(sl_wide(b * b, below_next) >> right << left));
        }
    }
}

/* Two rows of n units' weights side by side. */
SL_INLINE void sl_weight_pairs(const int16_t *weights, uint32_t rows, uint32_t columns, uint32_t n,
                               int16_t *pairs) {
    for (uint32_t i = 0; i < rows; i += 2, weights += 2 * columns, pairs += 2 * n) {
        for (uint32_t j = 0; j < n; j++) {
            sl_both_to(pairs + 2 * j, weights[j], i + 1 < rows ? weights[columns + j] : 0);
        }
    }
}

/* sum[j] = pairs . weights of unit j, of n units. */
SL_INLINE void sl_units_sums(const int16_t *weights, uint32_t rows, uint32_t columns, uint32_t n,
                             const int16_t *pairs, int32_t *sum) {
    int16_t both[(SL_N_HIDDEN_ROWS + 1) * SL_UNITS_AT_ONCE];
    sl_weight_pairs(weights, rows, columns, n, both);
    for (uint32_t j = 0; j < n; j++) {
        const sl_numbers_t unit = {both + 2 * j, 2 * n, 1, (rows + 1) / 2 * 2};
        sl_dot_pairs(pairs, L, L, unit, sum + j * L);
    }
}

/* Sets mean and power, [unit][draw]. */
SL_INLINE sl_sums_t sl_later_sums(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  int32_t *restrict mean, uint32_t *restrict power) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t rows = layer->rows, columns = layer->columns;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    uint8_t *narrowed = scratch->narrowed + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const int16_t *mu = SL_MEANS(state, scratch) + layer->synapse;
    const int16_t *rho = state->rho + layer->synapse;
    sl_sums_t sums = sl_later_narrow(x, rows, narrowed);
    const sl_squares_t squares = sl_later_squares(narrowed, exponent, rows);
    sums.scale = squares.most + squares.k - SL_SQUARE_MORE_BITS;
    sl_row_pairs(x, narrowed, exponent, rows, sums.k_mean, squares, scratch->pairs_a,
                 scratch->pairs_b);
    for (uint32_t j = 0; j < columns; j += SL_UNITS_AT_ONCE) {
        const uint32_t left = columns - j, n = left < SL_UNITS_AT_ONCE ? left : SL_UNITS_AT_ONCE;
        sl_units_sums(mu + j, rows, columns, n, scratch->pairs_a, mean + j * L);
        sl_units_sums(rho + j, rows, columns, n, scratch->pairs_b, (int32_t *)power + j * L);
    }
    return sums;
}

/* Of inputs that are others for learning than they were for the sums. */
SL_INLINE void sl_look_again(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    if (index != 0) {
        scratch->narrow[index] = sl_later_narrow(scratch->hidden + layer->hidden * L, layer->rows,
                                                 scratch->narrowed + layer->hidden * L)
                                     .narrow;
        return;
    }
    sl_list_active(scratch);
    sl_first_look(state, scratch);
}
