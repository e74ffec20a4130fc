/* sl_dot_pairs on a chip: four or five lanes at a time, whose sums stay in registers. */
#pragma once

#include "sl_lanes.h"
#include "sl_lanes16.h"
#include "sl_pairs.h"

#ifdef __thumb2__ /* registers enough */
enum { SL_DOT_LANES = L % 5 == 0 ? 5 : 4 };
#else
enum { SL_DOT_LANES = 4 };
#endif

/* So many sums, five at most. */
SL_FOLD void sl_dot_some(const sl_word_t *pairs, uint32_t stride, uint32_t lanes, sl_numbers_t of,
                         int32_t *sum) {
    int32_t sums[5] = {0, 0, 0, 0, 0};
    const int16_t *first = of.first;
    for (uint32_t p = of.n / 2; p != 0; p--) {
        const int32_t by = sl_two_of(first[0], first[of.gap]);
        SL_UNROLL_ALWAYS
        for (uint32_t k = 0; k < lanes; k++) {
            sums[k] = sl_dual(pairs[k], by, sums[k]);
        }
        first += of.step;
        pairs += stride;
    }
    SL_UNROLL_ALWAYS
    for (uint32_t k = 0; k < lanes; k++) {
        sum[k] = sums[k] + (of.n % 2 ? (int16_t)pairs[k] * first[0] : 0);
    }
}

SL_INLINE void sl_dot_pairs(const int16_t *pairs, uint32_t stride, uint32_t lanes, sl_numbers_t of,
                            int32_t *sum) {
    const sl_word_t *at = (const sl_word_t *)pairs;
    uint32_t l = 0;
    for (; l + SL_DOT_LANES <= lanes; l += SL_DOT_LANES) {
        sl_dot_some(at + l, stride, SL_DOT_LANES, of, sum + l);
    }
    for (; l + 2 <= lanes; l += 2) {
        sl_dot_some(at + l, stride, 2, of, sum + l);
    }
    for (; l < lanes; l++) {
        sl_dot_some(at + l, stride, 1, of, sum + l);
    }
}

#if SL_DSP

/* Of two columns of weights that lie side by side, four lanes at most; sum: [column][lane]. */
SL_FOLD void sl_dot_some_columns(const sl_word_t *pairs, uint32_t lanes, const int16_t *row,
                                 uint32_t columns, uint32_t rows, int32_t *sum) {
    int32_t left[4] = {0, 0, 0, 0}, right[4] = {0, 0, 0, 0};
    for (uint32_t p = rows / 2; p != 0; p--, row += 2 * columns, pairs += L) {
        const int32_t upper = *(const sl_loose_word_t *)row;
        const int32_t lower = *(const sl_loose_word_t *)(row + columns);
        const int32_t first = sl_two_of(upper, lower);
        const int32_t second = (int32_t)((uint32_t)upper >> 16 | ((uint32_t)lower & 0xFFFF0000u));
        SL_UNROLL_ALWAYS
        for (uint32_t k = 0; k < lanes; k++) {
            left[k] = sl_dual(pairs[k], first, left[k]);
            right[k] = sl_dual(pairs[k], second, right[k]);
        }
    }
    SL_UNROLL_ALWAYS
    for (uint32_t k = 0; k < lanes; k++) {
        sum[k] = left[k] + (rows % 2 ? (int16_t)pairs[k] * row[0] : 0);
        sum[L + k] = right[k] + (rows % 2 ? (int16_t)pairs[k] * row[1] : 0);
    }
}

/* Every lane of two columns. */
static __attribute__((noinline, unused)) void sl_dot_columns(const int16_t *pairs,
                                                             const int16_t *row, uint32_t columns,
                                                             uint32_t rows, int32_t *sum) {
    const sl_word_t *at = (const sl_word_t *)pairs;
    uint32_t l = 0;
    for (; l + 4 <= L; l += 4) {
        sl_dot_some_columns(at + l, 4, row, columns, rows, sum + l);
    }
    if (l + 2 <= L) {
        sl_dot_some_columns(at + l, 2, row, columns, rows, sum + l);
        l += 2;
    }
    if (l < L) {
        sl_dot_some_columns(at + l, 1, row, columns, rows, sum + l);
    }
}

#endif
