/* Products of 16-bit numbers on a chip, two at a time where it has them. */
#pragma once

#include <stdint.h>

#include "sl_build.h"

/* Two numbers in memory, as scratch.pairs_a and pairs_b keep them; a row of weights need not start
 * at a word. */
typedef int32_t __attribute__((may_alias)) sl_word_t;
typedef int32_t __attribute__((may_alias, aligned(2))) sl_loose_word_t;

/* Two numbers in a word, the first below. */
static inline int32_t sl_two_of(int32_t first, int32_t second) {
    return (int32_t)((uint32_t)(uint16_t)first | (uint32_t)second << 16);
}

/* sum + the products of both numbers. */
static inline int32_t sl_dual(int32_t a, int32_t b, int32_t sum) {
#ifdef __ARM_FEATURE_DSP
    int32_t out;
    __asm("smlad %0, %1, %2, %3" : "=r"(out) : "r"(a), "r"(b), "r"(sum));
    return out;
#else
    return sum + (int16_t)a * (int16_t)b + (a >> 16) * (b >> 16);
#endif
}

SL_INLINE int32_t sl_dot16(const int16_t *a, const int16_t *b, uint32_t n) {
    int32_t sum = 0;
#ifdef __ARM_FEATURE_DSP
    const sl_loose_word_t *p = (const sl_loose_word_t *)a, *q = (const sl_loose_word_t *)b;
    for (const sl_loose_word_t *end = p + (n >> 1); p != end;) {
        sum = sl_dual(*p++, *q++, sum);
    }
    return n & 1 ? sum + a[n - 1] * b[n - 1] : sum;
#else
    for (uint32_t j = 0; j < n; j++) {
        sum += a[j] * b[j];
    }
    return sum;
#endif
}
