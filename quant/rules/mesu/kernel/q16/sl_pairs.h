/* Products of 16-bit numbers, two and two: what AVX2, NEON and ARM's DSP instructions have one
 * instruction for. */
#pragma once

#include <stdint.h>

#include "sl_build.h"

#if defined(SL_HOST) && defined(__AVX2__)
#include <immintrin.h>
#elif defined(SL_HOST) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* Numbers that lie `step` apart in pairs, the second of a pair `gap` behind the first. */
typedef struct {
    const int16_t *first;
    uint32_t step, gap, n; /* n: how many numbers, so that of an odd number the last is alone */
} sl_numbers_t;

#ifndef SL_HOST
#include "sl_chip_dot.h"
#else

SL_FOLD uint32_t sl_two(sl_numbers_t of, uint32_t p) {
    if (of.gap == 1 && 2 * p + 1 < of.n) {
        uint32_t both;
        __builtin_memcpy(&both, of.first + p * of.step, sizeof both);
        return both;
    }
    const uint32_t first = (uint16_t)of.first[p * of.step];
    return 2 * p + 1 < of.n ? first | (uint32_t)(uint16_t)of.first[p * of.step + of.gap] << 16
                            : first;
}

enum { SL_DOT_LANES = 32 };

#define SL_UNROLL_PAIRS _Pragma("GCC unroll 8")

/* sum[l] = sum_p pairs[p][l] . numbers p. The second of a pair that is alone is 0 in `pairs`. */
SL_FOLD void sl_dot_pairs(const int16_t *pairs, uint32_t stride, uint32_t lanes, sl_numbers_t of,
                          int32_t *sum) {
    const uint32_t n = (of.n + 1) / 2;
#if defined(SL_HOST) && defined(__AVX2__)
    for (uint32_t l = 0; l < lanes; l += SL_DOT_LANES) {
        const uint32_t blocks = (lanes - l < SL_DOT_LANES ? lanes - l : SL_DOT_LANES) / 8;
        __m256i sums[SL_DOT_LANES / 8];
        for (uint32_t k = 0; k < blocks; k++) {
            sums[k] = _mm256_setzero_si256();
        }
        SL_UNROLL_PAIRS
        for (uint32_t p = 0; p < n; p++) {
            const __m256i by = _mm256_set1_epi32((int32_t)sl_two(of, p));
            const int16_t *at = pairs + 2 * (p * stride + l);
            for (uint32_t k = 0; k < blocks; k++) {
                const __m256i two = _mm256_loadu_si256((const __m256i *)(at + 16 * k));
                sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(two, by));
            }
        }
        for (uint32_t k = 0; k < blocks; k++) {
            _mm256_storeu_si256((__m256i *)(sum + l + 8 * k), sums[k]);
        }
    }
#elif defined(SL_HOST) && defined(__ARM_NEON)
    for (uint32_t l = 0; l < lanes; l += SL_DOT_LANES) {
        const uint32_t blocks = (lanes - l < SL_DOT_LANES ? lanes - l : SL_DOT_LANES) / 8;
        int32x4_t sums[SL_DOT_LANES / 4];
        for (uint32_t k = 0; k < 2 * blocks; k++) {
            sums[k] = vdupq_n_s32(0);
        }
        for (uint32_t p = 0; p < n; p++) {
            const uint32_t by = sl_two(of, p);
            const int16_t first = (int16_t)by, second = (int16_t)(by >> 16);
            const int16_t *at = pairs + 2 * (p * stride + l);
            for (uint32_t k = 0; k < blocks; k++) {
                const int16x8x2_t two = vld2q_s16(at + 16 * k);
                int32x4_t *sum_k = sums + 2 * k;
                sum_k[0] = vmlal_n_s16(sum_k[0], vget_low_s16(two.val[0]), first);
                sum_k[1] = vmlal_n_s16(sum_k[1], vget_high_s16(two.val[0]), first);
                sum_k[0] = vmlal_n_s16(sum_k[0], vget_low_s16(two.val[1]), second);
                sum_k[1] = vmlal_n_s16(sum_k[1], vget_high_s16(two.val[1]), second);
            }
        }
        for (uint32_t k = 0; k < 2 * blocks; k++) {
            vst1q_s32(sum + l + 4 * k, sums[k]);
        }
    }
#else
    for (uint32_t l = 0; l < lanes; l++) {
        sum[l] = 0;
    }
    for (uint32_t p = 0; p < n; p++) {
        const uint32_t by = sl_two(of, p);
        const int32_t first = (int16_t)by, second = (int16_t)(by >> 16);
        const int16_t *at = pairs + 2 * p * stride;
        for (uint32_t l = 0; l < lanes; l++) {
            sum[l] += at[2 * l] * first + at[2 * l + 1] * second;
        }
    }
#endif
}

#endif

/* Lanes that a vector fills. */
#define SL_WHOLE(n) (SL_ON_HOST ? ((n) + 7) / 8 * 8 : (n))
