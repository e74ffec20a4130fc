/* The prior's pull on a row for AVX2, eight columns at a time. */
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "sl_steps.h"

/* What the columns of a row share. */
typedef struct {
    __m256i mantissa, prior, mu, rho, word;
    __m128i down;
} sl_pull_lanes_t;

/* v pull >> 12, of the even columns; the mask tells the compiler that it has a word and no more. */
SL_INLINE __m256i sl_share(__m256i v, __m256i pull) {
    const __m256i share = _mm256_srli_epi64(_mm256_mul_epu32(v, pull), 12);
    return _mm256_and_si256(share, _mm256_set1_epi64x(INT32_MAX));
}

/* The upper words of eight sums: the even columns', and the odd ones'. */
SL_INLINE __m256i sl_upper(__m256i even, __m256i odd) {
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}

/* Eight columns; returns mu and behind it rho, and sets bits of `far` where mu is beyond 32 bits'
 * reach of the prior. */
SL_INLINE __m256i sl_pull_eight(const sl_pull_lanes_t *row, __m256i m, __m256i v, __m256i column,
                                __m256i *far) {
    const __m256i ratio = _mm256_srl_epi32(_mm256_mullo_epi32(v, row->mantissa), row->down);
    const __m256i apart = _mm256_sub_epi32(row->prior, m);
    const __m256i word = _mm256_xor_si256(row->word, column);
    const __m256i odd_word = _mm256_srli_epi64(word, 32), odd_v = _mm256_srli_epi64(v, 32);
    *far = _mm256_or_si256(*far, _mm256_srli_epi32(_mm256_abs_epi32(apart), SL_PULL_FAR_BITS));
    /* (apart ratio pull + (u_mu << 28)) >> 44 */
    const __m256i moved = _mm256_mullo_epi32(apart, ratio);
    const __m256i u_even = _mm256_srli_epi64(_mm256_slli_epi64(word, 48), 20);
    const __m256i u_odd = _mm256_srli_epi64(_mm256_slli_epi64(odd_word, 48), 20);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(moved, row->mu), u_even);
    const __m256i odd =
        _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(moved, 32), row->mu), u_odd);
    const __m256i step = _mm256_srai_epi32(sl_upper(even, odd), 12);
    /* ((v pull >> 12) rest + (u_rho << 16)) >> 32 */
    const __m256i upper = _mm256_set1_epi64x(0xFFFF0000);
    const __m256i rest = _mm256_sub_epi32(_mm256_set1_epi32(65536), ratio);
    const __m256i share = sl_share(v, row->rho), odd_share = sl_share(odd_v, row->rho);
    const __m256i gone =
        _mm256_add_epi64(_mm256_mul_epi32(share, rest), _mm256_and_si256(word, upper));
    const __m256i odd_gone =
        _mm256_add_epi64(_mm256_mul_epi32(odd_share, _mm256_srli_epi64(rest, 32)),
                         _mm256_and_si256(odd_word, upper));
    const __m256i half = _mm256_srai_epi32(v, 1); /* half of sigma^2 or more is left */
    const __m256i curve =
        _mm256_max_epi32(sl_upper(gone, odd_gone), _mm256_sub_epi32(_mm256_setzero_si256(), half));
    const __m256i both = _mm256_packs_epi32(_mm256_add_epi32(m, step), _mm256_add_epi32(v, curve));
    return _mm256_permute4x64_epi64(both, 0xD8);
}

/* Whether a pull takes products of 32 bits, where mu is not far from the prior. */
SL_INLINE uint32_t sl_pull_is_small(const sl_layer_t *layer, sl_mesu_pull_t pull, int32_t right) {
    return !(((uint32_t)SL_RHO_MAX * layer->ratio_mantissa >> right) >> SL_PULL_RATIO_BITS ||
             sl_abs32(layer->mu_prior_q) >> 14 || pull.mu >> SL_PULL_MU_BITS ||
             pull.rho >> SL_PULL_RHO_BITS);
}

/* As sl_mesu_pull_row_q16; near the prior no mu is at an end. */
SL_INLINE uint32_t sl_pull_row(int16_t *mu, int16_t *rho, int32_t exponent, const sl_layer_t *layer,
                               sl_mesu_pull_t pull, uint32_t row_word, const uint32_t *column_word,
                               uint32_t *count) {
    enum { EIGHT = 8, ROOM = SL_WHOLE(SL_MAX_UNITS) };
    const uint32_t columns = layer->columns;
    const int32_t right = (int32_t)layer->ratio_exponent + layer->v_exponent + 3 - exponent;
    const int32_t down = sl_min32(right, 31);
    int16_t mus[ROOM] = {0}, rhos[ROOM] = {0};
    const sl_pull_lanes_t row = {
        _mm256_set1_epi32((int32_t)layer->ratio_mantissa),
        _mm256_set1_epi32(layer->mu_prior_q),
        _mm256_set1_epi64x(pull.mu),
        _mm256_set1_epi64x(pull.rho),
        _mm256_set1_epi32((int32_t)row_word),
        _mm_cvtsi32_si128(down),
    };
    __m256i far = _mm256_setzero_si256();
    __m128i stepped = _mm_setzero_si128();
    memcpy(mus, mu, columns * sizeof *mu);
    memcpy(rhos, rho, columns * sizeof *rho);
    for (uint32_t j = 0; j < columns; j += EIGHT) {
        const __m128i m = _mm_loadu_si128((const __m128i *)(mus + j));
        const __m128i v = _mm_loadu_si128((const __m128i *)(rhos + j));
        const __m256i column = _mm256_loadu_si256((const __m256i *)(column_word + j));
        const __m256i both =
            sl_pull_eight(&row, _mm256_cvtepi16_epi32(m), _mm256_cvtepi16_epi32(v), column, &far);
        _mm_storeu_si128((__m128i *)(mus + j), _mm256_castsi256_si128(both));
        _mm_storeu_si128((__m128i *)(rhos + j), _mm256_extracti128_si256(both, 1));
        stepped = _mm_or_si128(stepped, _mm256_extracti128_si256(both, 1));
    }
    if (!sl_pull_is_small(layer, pull, down) || !_mm256_testz_si256(far, far)) {
        return sl_mesu_pull_row_q16(mu, rho, exponent, layer, pull, row_word, column_word, count);
    }
    memcpy(mu, mus, columns * sizeof *mu);
    memcpy(rho, rhos, columns * sizeof *rho);
    stepped = _mm_or_si128(stepped, _mm_unpackhi_epi64(stepped, stepped));
    const uint64_t four = (uint64_t)_mm_cvtsi128_si64(stepped), two = four | four >> 32;
    return (uint32_t)(two | two >> 16) & 0xFFFFu;
}
