/* The loops of layer 0 for AVX2, 16 units at a time; a row's last units are loaded together with
 * the first of the row behind it. */
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "sl_build.h"
#include "sl_columns_scalar.h"
#include "sl_variance.h"

enum {
    SL_WIDTH = 16,
    SL_WIDTHS = (SL_FIRST_UNITS + SL_WIDTH - 1) / SL_WIDTH,
    SL_PADDED = SL_WIDTHS * SL_WIDTH,
    SL_LAST_UNITS = SL_FIRST_UNITS - (SL_WIDTHS - 1) * SL_WIDTH,
    /* Rows that end a whole width before the array does. */
    SL_FIRST_ROWS = SL_N_FEATURES + SL_BIAS,
    SL_WHOLE_ROWS = SL_N_SYNAPSES < SL_PADDED ? 0
                                              : (SL_N_SYNAPSES - SL_PADDED) / SL_FIRST_UNITS + 1,
};

typedef struct {
    int16_t g[SL_PADDED], q[SL_PADDED];
    int16_t up[SL_PADDED], down[SL_PADDED], y[SL_PADDED]; /* R(factor, g), R(factor, q), if drawn */
    uint16_t dither[SL_PADDED], dither_rho[SL_PADDED];    /* of rho: whole */
    uint16_t not_high[SL_PADDED], not_low[SL_PADDED];     /* of rho: shifted, complemented */
    int32_t drawn_mu, drawn_rho, right_rho;
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

/* Most rows are drawn, and share a factor: their products with the units are made once. */
SL_INLINE void sl_columns_begin(sl_columns_t *columns, int32_t drawn_mu, int32_t drawn_rho,
                                int32_t right_rho) {
    const __m256i mu = _mm256_set1_epi16((int16_t)drawn_mu);
    const __m256i less = _mm256_set1_epi16((int16_t)-drawn_mu);
    const __m256i rho = _mm256_set1_epi16((int16_t)-drawn_rho), ones = _mm256_set1_epi16(-1);
    const __m128i right = _mm_cvtsi32_si128(right_rho);
    const __m128i left = _mm_cvtsi32_si128(SL_WIDTH - right_rho);
    for (uint32_t j = 0; j < SL_PADDED; j += SL_WIDTH) {
        const __m256i g = sl_lanes_at(columns->g + j), q = sl_lanes_at(columns->q + j);
        const __m256i dither = sl_lanes_at(columns->dither_rho + j);
        sl_lanes_to(columns->up + j, _mm256_mulhrs_epi16(mu, g));
        sl_lanes_to(columns->down + j, _mm256_mulhrs_epi16(less, g));
        sl_lanes_to(columns->y + j, _mm256_mulhrs_epi16(rho, q));
        sl_lanes_to(columns->not_high + j, _mm256_xor_si256(ones, _mm256_srl_epi16(dither, left)));
        sl_lanes_to(columns->not_low + j, _mm256_xor_si256(ones, _mm256_sll_epi16(dither, right)));
    }
    columns->drawn_mu = drawn_mu;
    columns->drawn_rho = drawn_rho;
    columns->right_rho = right_rho;
}

/* by: R(x, g) of every unit; own: g, as the row has a factor of its own. */
SL_FOLD void sl_row_step(const sl_columns_t *columns, const int16_t *by, uint32_t own, int32_t factor,
                         int16_t *mu, const int16_t *rho, uint32_t dither, uint32_t right) {
    const __m256i x = _mm256_set1_epi16((int16_t)factor), u = _mm256_set1_epi16((int16_t)dither);
    const __m128i down = _mm_cvtsi32_si128((int32_t)right);
    for (uint32_t j = 0; j < SL_PADDED; j += SL_WIDTH) {
        const __m256i given = sl_lanes_at(by + j);
        const __m256i inner = own ? _mm256_mulhrs_epi16(x, given) : given;
        const __m256i h = _mm256_mulhrs_epi16(sl_lanes_at(rho + j), inner);
        const __m256i mine = _mm256_xor_si256(u, sl_lanes_at(columns->dither + j));
        const __m256i step = _mm256_sra_epi16(_mm256_add_epi16(h, mine), down);
        const __m256i moved = _mm256_adds_epi16(sl_lanes_at(mu + j), step);
        sl_row_to(mu, j, moved);
    }
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, uint32_t row, int16_t *mu,
                               const int16_t *rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    if (row >= SL_WHOLE_ROWS) {
        for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
            mu[j] = sl_stepped(mu[j], rho[j], factor, columns->g[j], dither ^ columns->dither[j],
                               right);
        }
    } else if (factor == columns->drawn_mu) {
        sl_row_step(columns, columns->up, 0, factor, mu, rho, dither, right);
    } else if (factor == -columns->drawn_mu) {
        sl_row_step(columns, columns->down, 0, factor, mu, rho, dither, right);
    } else {
        sl_row_step(columns, columns->g, 1, factor, mu, rho, dither, right);
    }
}

/* by: R(-factor, q) of every unit; own: q, as the row has a factor of its own. Then a step may be
 * large: its square counts where it is above rho/64, or it is clamped. Returns 0 where there is one,
 * and does nothing. */
SL_FOLD uint32_t sl_row_step_rho(const sl_columns_t *columns, const int16_t *by, uint32_t own,
                                 int32_t factor, int16_t *rho, uint32_t dither) {
    const __m256i x = _mm256_set1_epi16((int16_t)-factor);
    const uint32_t right = (uint32_t)columns->right_rho;
    const __m256i u_high = _mm256_set1_epi16((int16_t)(dither >> (SL_WIDTH - right)));
    const __m256i u_low = _mm256_set1_epi16((int16_t)(dither << right));
    const __m128i down = _mm_cvtsi32_si128((int32_t)right);
    __m256i stepped[SL_WIDTHS], zero = _mm256_setzero_si256(), large = zero, seen = zero;
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        const uint32_t j = k * SL_WIDTH;
        const __m256i v = sl_lanes_at(rho + j), given = sl_lanes_at(by + j);
        const __m256i p = _mm256_mulhrs_epi16(v, own ? _mm256_mulhrs_epi16(x, given) : given);
        const __m256i low = _mm256_mullo_epi16(v, p), high = _mm256_mulhi_epi16(v, p);
        /* Both halves of the product and of the dither: a - ~b is a + b + 1, and 1 too many where
         * the lower ones do not carry. */
        const __m256i not_high = _mm256_xor_si256(u_high, sl_lanes_at(columns->not_high + j));
        const __m256i not_low = _mm256_xor_si256(u_low, sl_lanes_at(columns->not_low + j));
        const __m256i carried = _mm256_cmpeq_epi16(_mm256_subs_epu16(low, not_low), zero);
        const __m256i sum = _mm256_add_epi16(_mm256_sub_epi16(high, not_high), carried);
        const __m256i d = _mm256_sra_epi16(sum, down);
        if (own) {
            const __m256i most = _mm256_srli_epi16(v, 6);
            large = _mm256_or_si256(large, _mm256_subs_epu16(_mm256_abs_epi16(d), most));
        }
        stepped[k] = _mm256_add_epi16(v, d);
        seen = _mm256_or_si256(seen, stepped[k]);
    }
    if (own && !_mm256_testz_si256(large, large)) {
        return 0;
    }
    for (uint32_t k = 0; k < SL_WIDTHS; k++) {
        sl_row_to(rho, k * SL_WIDTH, stepped[k]);
    }
    return _mm256_testz_si256(seen, _mm256_set1_epi16(1 << SL_RHO_BITS)) ? 1 : 1u << SL_RHO_BITS;
}

/* sl_step_rho of a row, where that takes lanes of 16 bits: else 0, and nothing is done. What is not
 * 0 says whether a mantissa has outgrown its bits, as their OR would. */
SL_INLINE uint32_t sl_columns_step_rho(const sl_columns_t *columns, uint32_t row, int16_t *rho,
                                       int32_t factor, uint32_t dither) {
    if (row >= SL_WHOLE_ROWS || columns->right_rho < 0) {
        return 0;
    }
    return factor == columns->drawn_rho
               ? sl_row_step_rho(columns, columns->y, 0, factor, rho, dither)
               : sl_row_step_rho(columns, columns->q, 1, factor, rho, dither);
}

#include "sl_sums_avx2.h"
