/* The loops of layer 0 for AVX2, 16 units at a time; a row's last units are loaded together with
 * the first of the row behind it. */
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "sl_build.h"
#include "sl_columns_scalar.h"

enum {
    SL_WIDTH = 16,
    SL_WIDTHS = (SL_FIRST_UNITS + SL_WIDTH - 1) / SL_WIDTH,
    SL_PADDED = SL_WIDTHS * SL_WIDTH,
    SL_LAST_UNITS = SL_FIRST_UNITS - (SL_WIDTHS - 1) * SL_WIDTH,
    /* Rows that end a whole width before the array does. */
    SL_FIRST_ROWS = SL_N_FEATURES + SL_BIAS,
    SL_WHOLE_ROWS = SL_N_SYNAPSES < SL_PADDED ? 0
                                              : (SL_N_SYNAPSES - SL_PADDED) / SL_FIRST_UNITS + 1,
    SL_PAIRS_OF_ROWS = (SL_WHOLE_ROWS < SL_FIRST_ROWS ? SL_WHOLE_ROWS : SL_FIRST_ROWS) / 2,
};

typedef struct {
    int16_t g[SL_PADDED];
    int16_t q[SL_PADDED];
    uint16_t dither[SL_PADDED], dither_rho[SL_PADDED];
} sl_columns_t;

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->g[j] = (int16_t)g;
    columns->dither[j] = (uint16_t)dither;
    for (uint32_t k = SL_FIRST_UNITS; j == 0 && k < SL_PADDED; k++) {
        columns->g[k] = 0;
        columns->dither[k] = 0;
    }
}

static inline __m256i sl_lanes_at(const void *at) {
    return _mm256_loadu_si256((const __m256i *)at);
}

static inline void sl_lanes_to(void *at, __m256i value) {
    _mm256_storeu_si256((__m256i *)at, value);
}

/* Units j to j + 16 of a row, but none of the row that is loaded next. */
static inline void sl_row_to(int16_t *row, uint32_t j, __m256i value) {
    if (j + SL_WIDTH <= SL_FIRST_UNITS) {
        sl_lanes_to(row + j, value);
        return;
    }
    int16_t last[SL_WIDTH];
    sl_lanes_to(last, value);
    memcpy(row + j, last, SL_LAST_UNITS * sizeof last[0]);
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, uint32_t row, int16_t *mu,
                               const int16_t *rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    if (row >= SL_WHOLE_ROWS) {
        for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
            mu[j] = sl_stepped(mu[j], rho[j], factor, columns->g[j], dither ^ columns->dither[j],
                               right);
        }
        return;
    }
    const __m256i x = _mm256_set1_epi16((int16_t)factor), u = _mm256_set1_epi16((int16_t)dither);
    const __m128i by = _mm_cvtsi32_si128((int32_t)right);
    for (uint32_t j = 0; j < SL_PADDED; j += SL_WIDTH) {
        const __m256i inner = _mm256_mulhrs_epi16(x, sl_lanes_at(columns->g + j));
        const __m256i h = _mm256_mulhrs_epi16(sl_lanes_at(rho + j), inner);
        const __m256i mine = _mm256_xor_si256(u, sl_lanes_at(columns->dither + j));
        const __m256i step = _mm256_sra_epi16(_mm256_add_epi16(h, mine), by);
        const __m256i moved = _mm256_adds_epi16(sl_lanes_at(mu + j), step);
        sl_row_to(mu, j, moved);
    }
}

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    columns->q[j] = (int16_t)q;
    columns->dither_rho[j] = (uint16_t)dither;
    for (uint32_t k = SL_FIRST_UNITS; j == 0 && k < SL_PADDED; k++) {
        columns->q[k] = 0;
        columns->dither_rho[k] = 0;
    }
}

/* A product of 16 bits by 16, shifted right, dithered and cut to its whole part: eight units. */
static inline __m256i sl_whole_part(__m256i low, __m256i by, __m256i dither) {
    return _mm256_srai_epi32(_mm256_add_epi32(_mm256_srav_epi32(low, by), dither), 16);
}

/* sl_step_rho of a row, where no unit changes so much that its square counts: else 0, and nothing
 * is done. */
SL_INLINE uint32_t sl_columns_step_rho(const sl_columns_t *columns, uint32_t row, int16_t *rho,
                                       int32_t factor, uint32_t dither, int32_t right,
                                       uint32_t *count) {
    if (row >= SL_WHOLE_ROWS || right < 0) {
        return 0;
    }
    const __m256i x = _mm256_set1_epi16((int16_t)-factor), u = _mm256_set1_epi16((int16_t)dither);
    const __m256i by = _mm256_set1_epi32(sl_min32(right, 31)), zero = _mm256_setzero_si256();
    __m256i stepped[SL_WIDTHS], large = zero, equal = zero;
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        const uint32_t j = k * SL_WIDTH;
        const __m256i v = sl_lanes_at(rho + j);
        const __m256i y = _mm256_mulhrs_epi16(x, sl_lanes_at(columns->q + j));
        const __m256i p = _mm256_mulhrs_epi16(v, y);
        const __m256i low = _mm256_mullo_epi16(v, p), high = _mm256_mulhi_epi16(v, p);
        const __m256i mine = _mm256_xor_si256(u, sl_lanes_at(columns->dither_rho + j));
        const __m256i first =
            sl_whole_part(_mm256_unpacklo_epi16(low, high), by, _mm256_unpacklo_epi16(mine, zero));
        const __m256i second =
            sl_whole_part(_mm256_unpackhi_epi16(low, high), by, _mm256_unpackhi_epi16(mine, zero));
        const __m256i curve = _mm256_packs_epi32(first, second);
        const __m256i half = _mm256_sub_epi16(zero, _mm256_srai_epi16(v, 1));
        const __m256i d = _mm256_min_epi16(_mm256_max_epi16(curve, half), v);
        equal = _mm256_sub_epi16(equal, _mm256_cmpeq_epi16(d, curve));
        large = _mm256_or_si256(large,
                                _mm256_cmpgt_epi16(_mm256_abs_epi16(d), _mm256_srai_epi16(v, 6)));
        stepped[k] = _mm256_add_epi16(v, d);
    }
    if (!_mm256_testz_si256(large, large)) {
        return 0;
    }
    __m256i seen = zero;
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        seen = _mm256_or_si256(seen, stepped[k]);
        sl_row_to(rho, k * SL_WIDTH, stepped[k]);
    }
    int16_t each[2][SL_WIDTH];
    uint32_t n = 0, all = 0;
    sl_lanes_to(each[0], equal);
    sl_lanes_to(each[1], seen);
    for (uint32_t j = 0; j < SL_WIDTH; j++) {
        n += (uint32_t)each[0][j];
        all |= (uint16_t)each[1][j];
    }
    *count += SL_PADDED - n;
    return all;
}

/* Two rows' products with some units, added to four sums. */
SL_INLINE void sl_add_pair(const int16_t *a, const int16_t *b, __m256i by, __m256i *low,
                           __m256i *high) {
    const __m256i first = sl_lanes_at(a), second = sl_lanes_at(b);
    *low = _mm256_add_epi32(*low, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), by));
    *high = _mm256_add_epi32(*high, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), by));
}

static inline void sl_save_sums(uint32_t *at, __m256i low, __m256i high) {
    sl_lanes_to(at, _mm256_permute2x128_si256(low, high, 0x20));
    sl_lanes_to(at + SL_WIDTH / 2, _mm256_permute2x128_si256(low, high, 0x31));
}

/* Rows 2p and 2p + 1 for every p of a list: their inputs and their squares side by side. */
typedef struct {
    int16_t x[2 * SL_PAIRS_OF_ROWS + 2], square[2 * SL_PAIRS_OF_ROWS + 2];
    uint16_t list[SL_PAIRS_OF_ROWS + 1];
    uint32_t n;
} sl_two_rows_t;

static inline int32_t sl_word(const int16_t *two) {
    int32_t word;
    memcpy(&word, two, sizeof word);
    return word;
}

/* Units j to j + 16 n. */
SL_INLINE void sl_sum_widths(const sl_first_rows_t *first, const sl_two_rows_t *two, uint32_t j,
                             uint32_t n, uint32_t *mean, uint32_t *power) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i sums[2][4] = {{zero, zero, zero, zero}, {zero, zero, zero, zero}};
    for (uint32_t k = 0; k < two->n; k++) {
        const uint32_t p = two->list[k];
        const __m256i x = _mm256_set1_epi32(sl_word(two->x + 2 * p));
        const __m256i square = _mm256_set1_epi32(sl_word(two->square + 2 * p));
        const int16_t *mu = first->mu + 2 * p * SL_FIRST_UNITS + j;
        const int16_t *rho = first->rho + 2 * p * SL_FIRST_UNITS + j;
        for (uint32_t w = 0; w < n; w++, mu += SL_WIDTH, rho += SL_WIDTH) {
            sl_add_pair(mu, mu + SL_FIRST_UNITS, x, &sums[w][0], &sums[w][1]);
            sl_add_pair(rho, rho + SL_FIRST_UNITS, square, &sums[w][2], &sums[w][3]);
        }
    }
    for (uint32_t w = 0; w < n; w++) {
        sl_save_sums(mean + j + w * SL_WIDTH, sums[w][0], sums[w][1]);
        sl_save_sums(power + j + w * SL_WIDTH, sums[w][2], sums[w][3]);
    }
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *mean, uint32_t *power) {
    const uint32_t n_pairs = SL_PAIRS_OF_ROWS;
    sl_two_rows_t two;
    uint32_t padded_mean[SL_PADDED], padded_power[SL_PADDED], j = 0;
    for (uint32_t i = 0; i < 2 * n_pairs; i++) {
        two.x[i] = (int16_t)sl_first_x(first, i);
        two.square[i] = (int16_t)sl_first_square(first, i);
    }
    two.n = 0;
    for (uint32_t p = 0; p < n_pairs; p++) {
        two.list[two.n] = (uint16_t)p;
        two.n += (sl_word(two.x + 2 * p) | sl_word(two.square + 2 * p)) != 0;
    }
    for (; j + 2 * SL_WIDTH <= SL_PADDED; j += 2 * SL_WIDTH) {
        sl_sum_widths(first, &two, j, 2, padded_mean, padded_power);
    }
    if (SL_WIDTHS % 2) {
        sl_sum_widths(first, &two, j, 1, padded_mean, padded_power);
    }
    for (j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = (int32_t)padded_mean[j];
        power[j] = padded_power[j];
    }
    for (uint32_t i = 2 * SL_PAIRS_OF_ROWS; i < SL_FIRST_ROWS; i++) {
        sl_add_row(first, i, mean, power);
    }
}
