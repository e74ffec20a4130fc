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

static inline void sl_save_sums(uint32_t *at, __m256i low, __m256i high) {
    sl_lanes_to(at, _mm256_permute2x128_si256(low, high, 0x20));
    sl_lanes_to(at + SL_WIDTH / 2, _mm256_permute2x128_si256(low, high, 0x31));
}

/* Units j to j + 16 n, and the few behind them; all: every pair of rows. */
SL_FOLD void sl_sum_widths(const sl_first_rows_t *first, const sl_two_rows_t *two, uint32_t all,
                           uint32_t j, uint32_t n, uint32_t few, uint32_t *mean, uint32_t *power) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i sums[SL_WIDTHS_AT_ONCE][4] = {{zero, zero, zero, zero}, {zero, zero, zero, zero}};
    __m128i few_mean = _mm_setzero_si128(), few_power = few_mean;
    for (uint32_t k = 0; k < (all ? SL_PAIRS_OF_ROWS : two->n); k++) {
        const uint32_t p = all ? k : two->list[k];
        const __m256i x = _mm256_set1_epi32(sl_word(two->x + 2 * p));
        const __m256i square = _mm256_set1_epi32(sl_word(two->square + 2 * p));
        const int16_t *mu = first->mu + 2 * p * SL_FIRST_UNITS + j;
        const int16_t *rho = first->rho + 2 * p * SL_FIRST_UNITS + j;
        for (uint32_t w = 0; w < n; w++) {
            sl_add_pair(mu + w * SL_WIDTH, x, &sums[w][0], &sums[w][1]);
            sl_add_pair(rho + w * SL_WIDTH, square, &sums[w][2], &sums[w][3]);
        }
        if (few) {
            sl_add_few(mu + n * SL_WIDTH, x, &few_mean);
            sl_add_few(rho + n * SL_WIDTH, square, &few_power);
        }
    }
    for (uint32_t w = 0; w < n; w++) {
        sl_save_sums(mean + j + w * SL_WIDTH, sums[w][0], sums[w][1]);
        sl_save_sums(power + j + w * SL_WIDTH, sums[w][2], sums[w][3]);
    }
    if (few) {
        _mm_storeu_si128((__m128i *)(mean + j + n * SL_WIDTH), few_mean);
        _mm_storeu_si128((__m128i *)(power + j + n * SL_WIDTH), few_power);
    }
}

SL_FOLD void sl_sum_pairs(const sl_first_rows_t *first, const sl_two_rows_t *two, uint32_t all,
                          uint32_t *mean, uint32_t *power) {
    uint32_t j = 0;
    for (; j + SL_WIDTHS_AT_ONCE * SL_WIDTH <= SL_SUMMED_WIDTHS * SL_WIDTH;
         j += SL_WIDTHS_AT_ONCE * SL_WIDTH) {
        sl_sum_widths(first, two, all, j, SL_WIDTHS_AT_ONCE, 0, mean, power);
    }
    if (SL_SUMMED_WIDTHS % SL_WIDTHS_AT_ONCE != 0 || SL_FEW_UNITS != 0) {
        sl_sum_widths(first, two, all, j, SL_SUMMED_WIDTHS % SL_WIDTHS_AT_ONCE, SL_FEW_UNITS, mean,
                      power);
    }
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
    uint32_t padded_mean[SL_PADDED], padded_power[SL_PADDED];
    sl_pair_rows(first, &two);
    if (two.all) {
        sl_sum_pairs(first, &two, 1, padded_mean, padded_power);
    } else {
        sl_sum_pairs(first, &two, 0, padded_mean, padded_power);
    }
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = (int32_t)padded_mean[j];
        power[j] = padded_power[j];
    }
    for (uint32_t i = 2 * SL_PAIRS_OF_ROWS; i < SL_FIRST_ROWS; i++) {
        sl_add_row(first, i, mean, power);
    }
}
