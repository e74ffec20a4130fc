/* The loops of layer 0 for AVX2, 16 units at a time; a row's last units are loaded together with
 * the first of the row behind it. */
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "sl_build.h"
#include "sl_columns_scalar.h"
#include "sl_rho.h"

enum {
    SL_WIDTH = 16,
    SL_WIDTHS = (SL_FIRST_UNITS + SL_WIDTH - 1) / SL_WIDTH,
    SL_PADDED = SL_WIDTHS * SL_WIDTH,
    SL_LAST_UNITS = SL_FIRST_UNITS - (SL_WIDTHS - 1) * SL_WIDTH,
    /* Rows that end a whole width before the array does. */
    SL_FIRST_ROWS = SL_N_INPUTS + SL_BIAS,
    SL_WHOLE_ROWS = SL_N_SYNAPSES < SL_PADDED ? 0
                                              : (SL_N_SYNAPSES - SL_PADDED) / SL_FIRST_UNITS + 1,
};

typedef struct {
    int16_t g[SL_PADDED], q[SL_PADDED];
    uint16_t dither[SL_PADDED], dither_rho[SL_PADDED];
    uint16_t not_high[SL_PADDED], not_low[SL_PADDED]; /* of rho's: shifted, complemented */
    int32_t right_rho;
} sl_columns_t;

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

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->g[j] = (int16_t)g;
    columns->dither[j] = (uint16_t)dither;
    for (uint32_t k = SL_FIRST_UNITS; j == 0 && k < SL_PADDED; k++) {
        columns->g[k] = 0;
        columns->dither[k] = 0;
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

/* What a step of rho takes from its shift. */
SL_INLINE void sl_columns_begin(sl_columns_t *columns, int32_t right_rho) {
    const __m256i ones = _mm256_set1_epi16(-1);
    const __m128i right = _mm_cvtsi32_si128(right_rho);
    const __m128i left = _mm_cvtsi32_si128(SL_WIDTH - right_rho);
    for (uint32_t j = 0; j < SL_PADDED; j += SL_WIDTH) {
        const __m256i dither = sl_lanes_at(columns->dither_rho + j);
        sl_lanes_to(columns->not_high + j, _mm256_xor_si256(ones, _mm256_srl_epi16(dither, left)));
        sl_lanes_to(columns->not_low + j, _mm256_xor_si256(ones, _mm256_sll_epi16(dither, right)));
    }
    columns->right_rho = right_rho;
}

/* A bit for each of 32 rows whose factor is not 0. */
static inline uint32_t sl_half_mask(const int16_t *factor) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i first = _mm256_cmpeq_epi16(sl_lanes_at(factor), zero);
    const __m256i second = _mm256_cmpeq_epi16(sl_lanes_at(factor + SL_WIDTH), zero);
    const __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xD8);
    return ~(uint32_t)_mm256_movemask_epi8(both);
}

static inline uint64_t sl_columns_mask(const int16_t *factor) {
    return sl_half_mask(factor) | (uint64_t)sl_half_mask(factor + SL_MASK / 2) << SL_MASK / 2;
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

/* sl_step_rho of a row where no step is above rho/64, so that no square counts and nothing is
 * clamped: else 0, and nothing is done. What is not 0 says whether a mantissa has outgrown its
 * bits, as their OR would. */
SL_INLINE uint32_t sl_columns_step_rho(const sl_columns_t *columns, uint32_t row, int16_t *rho,
                                       int32_t factor, uint32_t dither) {
    if (row >= SL_WHOLE_ROWS || columns->right_rho < 0) {
        return 0;
    }
    const uint32_t right = (uint32_t)columns->right_rho;
    const __m256i x = _mm256_set1_epi16((int16_t)-factor);
    const __m256i u_high = _mm256_set1_epi16((int16_t)(dither >> (SL_WIDTH - right)));
    const __m256i u_low = _mm256_set1_epi16((int16_t)(dither << right));
    const __m128i by = _mm_cvtsi32_si128((int32_t)right);
    __m256i stepped[SL_WIDTHS], zero = _mm256_setzero_si256(), large = zero, seen = zero;
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        const uint32_t j = k * SL_WIDTH;
        const __m256i v = sl_lanes_at(rho + j);
        const __m256i y = _mm256_mulhrs_epi16(x, sl_lanes_at(columns->q + j));
        const __m256i p = _mm256_mulhrs_epi16(v, y);
        const __m256i low = _mm256_mullo_epi16(v, p), high = _mm256_mulhi_epi16(v, p);
        /* Both halves of the product and of the dither: a - ~b is a + b + 1, and 1 too many where
         * the lower ones do not carry. */
        const __m256i not_high = _mm256_xor_si256(u_high, sl_lanes_at(columns->not_high + j));
        const __m256i not_low = _mm256_xor_si256(u_low, sl_lanes_at(columns->not_low + j));
        const __m256i carried = _mm256_cmpeq_epi16(_mm256_subs_epu16(low, not_low), zero);
        const __m256i sum = _mm256_add_epi16(_mm256_sub_epi16(high, not_high), carried);
        const __m256i d = _mm256_sra_epi16(sum, by);
        const __m256i most = _mm256_srli_epi16(v, 6);
        large = _mm256_or_si256(large, _mm256_subs_epu16(_mm256_abs_epi16(d), most));
        stepped[k] = _mm256_add_epi16(v, d);
        seen = _mm256_or_si256(seen, stepped[k]);
    }
    if (!_mm256_testz_si256(large, large)) {
        return 0;
    }
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        sl_row_to(rho, k * SL_WIDTH, stepped[k]);
    }
    return _mm256_testz_si256(seen, _mm256_set1_epi16(1 << SL_RHO_BITS)) ? 1 : 1u << SL_RHO_BITS;
}

#include "sl_sums_avx2.h"
