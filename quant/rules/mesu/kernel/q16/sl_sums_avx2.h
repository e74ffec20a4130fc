/* The sums of layer 0 for AVX2: rows two and two, as many units as registers hold the sums of. */
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "sl_columns.h"
#include "sl_columns_scalar.h"

enum {
    SL_PAIRS_OF_ROWS = (SL_WHOLE_ROWS < SL_FIRST_ROWS ? SL_WHOLE_ROWS : SL_FIRST_ROWS) / 2,
    /* A row's last units, if they are so few that a quarter of a register takes them. */
    SL_FEW_UNITS = SL_FIRST_UNITS % SL_WIDTH <= SL_WIDTH / 4 ? SL_FIRST_UNITS % SL_WIDTH : 0,
    SL_SUMMED_WIDTHS = SL_FEW_UNITS > 0 ? SL_WIDTHS - 1 : SL_WIDTHS,
    SL_WIDTHS_AT_ONCE = 2,
    SL_PAIR_BYTES = 4 * SL_FIRST_UNITS * (int)sizeof(int16_t), /* two rows of mu and of rho */
    SL_PAIRS_AT_ONCE = SL_PAIR_BYTES < 16384 ? 16384 / SL_PAIR_BYTES : 1,
};

/* Rows 2p and 2p + 1 for every p: their inputs and their squares side by side; and a list of those
 * p for which not all are 0, if there are others. */
typedef struct {
    const int16_t *x;
    uint32_t n, all;
    int16_t own_x[2 * SL_PAIRS_OF_ROWS + 2], square[2 * SL_PAIRS_OF_ROWS + 2];
    uint16_t list[SL_PAIRS_OF_ROWS + 1];
} sl_two_rows_t;

static inline int32_t sl_word(const int16_t *two) {
    int32_t word;
    memcpy(&word, two, sizeof word);
    return word;
}

/* Two rows' products with 16 units, added to sums. */
SL_INLINE void sl_add_pair(const int16_t *row, __m256i by, __m256i *low, __m256i *high) {
    const __m256i first = sl_lanes_at(row), second = sl_lanes_at(row + SL_FIRST_UNITS);
    *low = _mm256_add_epi32(*low, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), by));
    *high = _mm256_add_epi32(*high, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), by));
}

/* With four. */
SL_INLINE void sl_add_few(const int16_t *row, __m256i by, __m128i *sum) {
    const __m128i first = _mm_loadu_si128((const __m128i *)row);
    const __m128i second = _mm_loadu_si128((const __m128i *)(row + SL_FIRST_UNITS));
    const __m128i both = _mm_unpacklo_epi16(first, second);
    *sum = _mm_add_epi32(*sum, _mm_madd_epi16(both, _mm256_castsi256_si128(by)));
}

/* Sums of all units: of 16 units low and high of mu, then of rho; and of the few. */
typedef struct {
    __m256i of[SL_SUMMED_WIDTHS + 1][4];
    __m128i few[2];
} sl_unit_sums_t;

/* Widths w to w + n, and the few behind them, of the pairs from `start` to `end`; all: of every
 * pair. */
SL_FOLD void sl_sum_widths(const sl_first_rows_t *first, const sl_two_rows_t *two, uint32_t all,
                           uint32_t start, uint32_t end, uint32_t w, uint32_t n, uint32_t few,
                           sl_unit_sums_t *saved) {
    __m256i sums[SL_WIDTHS_AT_ONCE][4];
    __m128i few_mean = saved->few[0], few_power = saved->few[1];
    memcpy(sums, saved->of[w], n * sizeof sums[0]);
    for (uint32_t k = start; k < end; k++) {
        const uint32_t p = all ? k : two->list[k];
        const __m256i x = _mm256_set1_epi32(sl_word(two->x + 2 * p));
        const __m256i square = _mm256_set1_epi32(sl_word(two->square + 2 * p));
        const int16_t *mu = first->mu + 2 * p * SL_FIRST_UNITS + w * SL_WIDTH;
        const int16_t *rho = first->rho + 2 * p * SL_FIRST_UNITS + w * SL_WIDTH;
        for (uint32_t m = 0; m < n; m++) {
            sl_add_pair(mu + m * SL_WIDTH, x, &sums[m][0], &sums[m][1]);
            sl_add_pair(rho + m * SL_WIDTH, square, &sums[m][2], &sums[m][3]);
        }
        if (few) {
            sl_add_few(mu + n * SL_WIDTH, x, &few_mean);
            sl_add_few(rho + n * SL_WIDTH, square, &few_power);
        }
    }
    memcpy(saved->of[w], sums, n * sizeof sums[0]);
    if (few) {
        saved->few[0] = few_mean;
        saved->few[1] = few_power;
    }
}

/* So many rows at once that the second half of their units is still at hand. */
SL_FOLD void sl_sum_pairs(const sl_first_rows_t *first, const sl_two_rows_t *two, uint32_t all,
                          sl_unit_sums_t *sums) {
    const uint32_t n = all ? SL_PAIRS_OF_ROWS : two->n, rest = SL_SUMMED_WIDTHS % SL_WIDTHS_AT_ONCE;
    for (uint32_t start = 0; start < n; start += SL_PAIRS_AT_ONCE) {
        const uint32_t end = n - start < SL_PAIRS_AT_ONCE ? n : start + SL_PAIRS_AT_ONCE;
        uint32_t w = 0;
        for (; w + SL_WIDTHS_AT_ONCE <= SL_SUMMED_WIDTHS; w += SL_WIDTHS_AT_ONCE) {
            sl_sum_widths(first, two, all, start, end, w, SL_WIDTHS_AT_ONCE, 0, sums);
        }
        if (rest != 0 || SL_FEW_UNITS != 0) {
            sl_sum_widths(first, two, all, start, end, w, rest, SL_FEW_UNITS, sums);
        }
    }
}

static inline void sl_save_sums(int32_t *at, __m256i low, __m256i high) {
    sl_lanes_to(at, _mm256_permute2x128_si256(low, high, 0x20));
    sl_lanes_to(at + SL_WIDTH / 2, _mm256_permute2x128_si256(low, high, 0x31));
}

/* Every unit's sum: which 0 of mu, 2 of rho. */
SL_INLINE void sl_units_sum(const sl_unit_sums_t *sums, uint32_t which, int32_t *out) {
    int32_t padded[SL_PADDED];
    for (uint32_t w = 0; w < SL_SUMMED_WIDTHS; w++) {
        sl_save_sums(padded + w * SL_WIDTH, sums->of[w][which], sums->of[w][which + 1]);
    }
    if (SL_FEW_UNITS != 0) {
        _mm_storeu_si128((__m128i *)(padded + SL_SUMMED_WIDTHS * SL_WIDTH), sums->few[which / 2]);
    }
    memcpy(out, padded, SL_FIRST_UNITS * sizeof *out);
}

/* The inputs and squares of all pairs, and which of them to take. */
SL_INLINE void sl_pair_rows(const sl_first_rows_t *first, sl_two_rows_t *two) {
    uint32_t idle = 0;
    two->x = first->x;
    if (first->k_mean != 0) {
        for (uint32_t i = 0; i < 2 * SL_PAIRS_OF_ROWS; i++) {
            two->own_x[i] = (int16_t)sl_first_x(first, i);
        }
        two->x = two->own_x;
    }
    for (uint32_t i = 0; i < 2 * SL_PAIRS_OF_ROWS; i++) {
        two->square[i] = (int16_t)sl_first_square(first, i);
    }
    for (uint32_t p = 0; p < SL_PAIRS_OF_ROWS; p++) {
        idle += (sl_word(two->x + 2 * p) | sl_word(two->square + 2 * p)) == 0;
    }
    two->all = idle == 0;
    two->n = 0;
    for (uint32_t p = 0; !two->all && p < SL_PAIRS_OF_ROWS; p++) {
        two->list[two->n] = (uint16_t)p;
        two->n += (sl_word(two->x + 2 * p) | sl_word(two->square + 2 * p)) != 0;
    }
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *mean, uint32_t *power) {
    sl_two_rows_t two;
    sl_unit_sums_t sums;
    memset(&sums, 0, sizeof sums);
    sl_pair_rows(first, &two);
    if (two.all) {
        sl_sum_pairs(first, &two, 1, &sums);
    } else {
        sl_sum_pairs(first, &two, 0, &sums);
    }
    sl_units_sum(&sums, 0, mean);
    sl_units_sum(&sums, 2, (int32_t *)power);
    for (uint32_t i = 2 * SL_PAIRS_OF_ROWS; i < SL_FIRST_ROWS; i++) {
        sl_add_row(first, i, mean, power);
    }
}
