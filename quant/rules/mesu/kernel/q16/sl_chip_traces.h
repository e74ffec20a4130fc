/* The sums of a layer whose inputs are traces of spikes, on a chip: most of them are 0, and only
 * the rows of the others are looked at. */
#pragma once

#include "sl_average.h"
#include "sl_few_rows.h"
#include "sl_first.h"
#include "sl_lane_rows.h"
#include "sl_rule.h"
#include "sl_total.h"

/* The rows of which some input is not 0: their numbers, and their inputs' squares, [row][draw]. */
typedef struct {
    uint16_t *row;
    uint16_t *square;
    uint32_t n;
} sl_live_t;

/* Lists the live rows, and how their inputs are shortened. */
SL_INLINE sl_sums_t sl_live_list(const int16_t *x, uint32_t rows, sl_live_t *live) {
    uint32_t sums[L] = {0}, seen = 0, size = 0, n = 0;
    for (uint32_t i = 0; i < rows; i++, x += L) {
        uint32_t any = 0;
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < L; s++) {
            any |= (uint32_t)x[s]; /* never negative */
        }
        if (any != 0) {
            seen |= any;
            live->row[n++] = (uint16_t)i;
            SL_UNROLL_ALWAYS
            for (uint32_t s = 0; s < L; s++) {
                sums[s] += (uint32_t)x[s];
            }
        }
    }
    live->n = n;
    for (uint32_t s = 0; s < L; s++) {
        size = sums[s] > size ? sums[s] : size;
    }
    return (sl_sums_t){sl_max32(0, sl_bit_length(size) - 16), sl_max32(0, sl_bit_length(seen) - 8),
                       0};
}

/* Sets the squares of the inputs in 8 bits, on one scale. */
SL_INLINE sl_squares_t sl_live_squares(const int16_t *x, int32_t narrow, const int8_t *exponent,
                                       const sl_live_t *live) {
    sl_total_t totals[L] = {0}, total = 0;
    uint32_t each = 0;
    int32_t most = -128;
    const int32_t half = (1 << narrow) >> 1;
    uint16_t *square = live->square;
    for (uint32_t n = 0; n < live->n; n++) {
        const uint32_t i = live->row[n];
        uint32_t any = 0;
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = sl_min32((x[i * L + s] + half) >> narrow, SL_NARROW_MAX);
            any |= (uint32_t)h;
            *square++ = (uint16_t)(h * h);
        }
        most = any == 0 ? most : sl_max32(most, exponent[i]);
    }
    most = most == -128 ? 1 : most;
    square = live->square;
    for (uint32_t n = 0; n < live->n; n++) {
        const uint32_t below = (uint32_t)sl_clamp32(most - exponent[live->row[n]], 0, 31);
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t wide = ((uint32_t)*square++ << SL_SQUARE_MORE_BITS) >> below;
            each |= wide; /* has as many bits as the largest */
            totals[s] += wide;
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        total = totals[s] > total ? totals[s] : total;
    }
    const sl_squares_t squares = {most, sl_squares_shift(each, total, most)};
    const int32_t right = sl_max32(squares.k, 0), left = sl_max32(-squares.k, 0);
    square = live->square;
    for (uint32_t n = 0; n < live->n; n++) {
        const uint32_t below = (uint32_t)sl_clamp32(most - exponent[live->row[n]], 0, 31);
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < L; s++, square++) {
            const uint32_t wide = ((uint32_t)*square << SL_SQUARE_MORE_BITS) >> below;
            *square = (uint16_t)(wide >> right << left);
        }
    }
    return squares;
}

/* A draw's sum of values times the rows of weights; the values are L apart, of the live rows, or,
 * as `all` says, of every row. */
SL_FOLD void sl_live_products(const sl_live_t *live, const int16_t *values, uint32_t all,
                              int32_t right, const int16_t *weights, uint32_t columns,
                              int32_t *sum) {
    sl_few_rows_t few;
    uint32_t n = 0;
    for (uint32_t j = 0; j < columns; j++) {
        sum[j] = 0;
    }
    for (const uint16_t *row = live->row, *end = row + live->n; row != end; row++) {
        const int32_t x = all ? values[*row * L] : *values;
        values += all ? 0 : L;
        if (x != 0) {
            few.row[n] = weights + *row * columns;
            few.x[n] = x >> right;
            if (++n == SL_FEW_ROWS) {
                sl_few_rows_add(sum, &few, columns);
                n = 0;
            }
        }
    }
    for (uint32_t k = n; n != 0 && k < SL_FEW_ROWS; k++) {
        few.row[k] = few.row[0];
        few.x[k] = 0;
    }
    if (n != 0) {
        sl_few_rows_add(sum, &few, columns);
    }
}

/* Rows of four draws that scratch.block_a has room for, and whether they are summed by them. */
enum { SL_LANE_ROWS = SL_ALL_DRAWS / 5, SL_SUMS_LANES = SL_BY_LANES && SL_LANE_ROWS > 0 };

/* The same of all draws, four at a time: sum, [unit][draw]. */
SL_INLINE void sl_live_lanes(const sl_live_t *live, const int16_t *values, uint32_t all,
                             int32_t right, const int16_t *weights, uint32_t columns,
                             sl_lane_row_t *rows, int32_t *sum) {
    for (uint32_t e = 0; e < columns * L; e++) {
        sum[e] = 0;
    }
    for (uint32_t first = 0; first < live->n; first += SL_LANE_ROWS) {
        const uint32_t left = live->n - first, n = left < SL_LANE_ROWS ? left : SL_LANE_ROWS;
        for (uint32_t s = 0; s < L; s += 4) {
            for (uint32_t k = 0; k < n; k++) {
                const uint32_t i = live->row[first + k];
                const int16_t *x = values + (all ? i : first + k) * L + s;
                SL_UNROLL_ALWAYS
                for (uint32_t c = 0; c < 4; c++) {
                    rows[k].x[c] = x[c] >> right;
                }
                rows[k].at = 2 * i * columns;
            }
            sl_lane_rows_add(rows, n, weights, sum + s, columns);
        }
    }
}

/* Sets mean and power, [unit][draw]. */
SL_INLINE sl_sums_t sl_trace_sums(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  int32_t *mean, uint32_t *power) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    sl_live_t live = {(uint16_t *)scratch->pairs_a, (uint16_t *)scratch->pairs_b, 0};
    sl_sums_t sums = sl_live_list(x, layer->rows, &live);
    const sl_squares_t squares =
        sl_live_squares(x, sums.narrow, state->rho_exponent + layer->first, &live);
    const int16_t *mu = SL_MEANS(state, scratch) + layer->synapse;
    int32_t *one = scratch->block_a;
    if (SL_SUMS_LANES) {
        sl_lane_row_t *rows = (sl_lane_row_t *)(void *)scratch->block_a;
        sl_live_lanes(&live, x, 1, sums.k_mean, mu, columns, rows, mean);
        sl_live_lanes(&live, (const int16_t *)live.square, 0, 0, state->rho + layer->synapse,
                      columns, rows, (int32_t *)power);
    }
    for (uint32_t s = 0; !SL_SUMS_LANES && s < L; s++) {
        sl_live_products(&live, x + s, 1, sums.k_mean, mu, columns, one);
        for (uint32_t j = 0; j < columns; j++) {
            mean[j * L + s] = one[j];
        }
        sl_live_products(&live, (const int16_t *)live.square + s, 0, 0, state->rho + layer->synapse,
                         columns, one);
        for (uint32_t j = 0; j < columns; j++) {
            power[j * L + s] = (uint32_t)one[j];
        }
    }
    sums.scale = squares.most + squares.k - SL_SQUARE_MORE_BITS;
    return sums;
}
