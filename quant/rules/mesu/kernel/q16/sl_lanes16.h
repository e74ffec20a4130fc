/* Products of 16-bit numbers, two at a time where a core has them. */
#pragma once

#include <stdint.h>

#include "sl_build.h"

#ifdef __ARM_FEATURE_DSP

typedef int32_t __attribute__((may_alias, aligned(2))) sl_word_t; /* two numbers, the first below */

static inline int32_t sl_dual(int32_t a, int32_t b, int32_t sum) {
    int32_t out;
    __asm("smlad %0, %1, %2, %3" : "=r"(out) : "r"(a), "r"(b), "r"(sum));
    return out;
}

/* Of an odd number of columns the last one's partner is `b`'s 0, or what lies behind a row. */
SL_INLINE int32_t sl_dot16(const int16_t *a, const int16_t *b, uint32_t n) {
    const sl_word_t *p = (const sl_word_t *)a, *q = (const sl_word_t *)b;
    int32_t sum = 0;
    for (const sl_word_t *end = p + (n >> 1); p != end;) {
        sum = sl_dual(*p++, *q++, sum);
    }
    return n & 1 ? sum + a[n - 1] * b[n - 1] : sum;
}

#else

SL_INLINE int32_t sl_dot16(const int16_t *a, const int16_t *b, uint32_t n) {
    int32_t sum = 0;
    for (uint32_t j = 0; j < n; j++) {
        sum += a[j] * b[j];
    }
    return sum;
}

#endif
