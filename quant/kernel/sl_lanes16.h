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

/* sum + the products of both numbers; whether that is one instruction. */
#if SL_DSP
enum { SL_HAS_DUAL = 1 };

static inline int32_t sl_dual(int32_t a, int32_t b, int32_t sum) {
    int32_t out;
    __asm("smlad %0, %1, %2, %3" : "=r"(out) : "r"(a), "r"(b), "r"(sum));
    return out;
}
#else
enum { SL_HAS_DUAL = 0 };

static inline int32_t sl_dual(int32_t a, int32_t b, int32_t sum) {
    return sum + (int16_t)a * (int16_t)b + (a >> 16) * (b >> 16);
}
#endif

/* Two sums of products, of n numbers each. */
typedef struct {
    int32_t first, second;
} sl_dots_t;

SL_FOLD sl_dots_t sl_dots16(const int16_t *a, const int16_t *by_a, const int16_t *b,
                            const int16_t *by_b, uint32_t n) {
    sl_dots_t dot = {0, 0};
    if (SL_HAS_DUAL) {
        for (uint32_t pairs = n >> 1; pairs != 0; pairs--, a += 2, by_a += 2, b += 2, by_b += 2) {
            dot.first = sl_dual(*(const sl_loose_word_t *)a, *(const sl_word_t *)by_a, dot.first);
            dot.second = sl_dual(*(const sl_loose_word_t *)b, *(const sl_word_t *)by_b, dot.second);
        }
        n &= 1;
    }
    for (; n != 0; n--) {
        dot.first += *a++ * *by_a++;
        dot.second += *b++ * *by_b++;
    }
    return dot;
}
