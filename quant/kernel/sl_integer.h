/* Integer operations as quant/NUMBERS.md defines them. */
#pragma once

#include <stdint.h>

#include "sl_build.h"

SL_STATIC_ASSERT((-3 >> 1) == -2, "right shifts of negative values must be arithmetic");

static inline int32_t sl_bit_length(uint32_t x) {
    return x == 0 ? 0 : 32 - __builtin_clz(x);
}

SL_ONE_COPY static inline int32_t sl_bit_length64(uint64_t x) {
    return x >> 32 ? 32 + sl_bit_length((uint32_t)(x >> 32)) : sl_bit_length((uint32_t)x);
}

static inline uint32_t sl_abs32(int32_t x) {
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

static inline int32_t sl_max32(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static inline int32_t sl_min32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline int32_t sl_clamp32(int32_t x, int32_t low, int32_t high) {
    return sl_min32(sl_max32(x, low), high);
}

SL_ONE_COPY static inline int32_t sl_clamp64(int64_t x, int32_t limit) {
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

static inline int32_t sl_clamp_count(int32_t x, int32_t limit, uint32_t *count) {
    int32_t kept = sl_clamp32(x, -limit, limit);
    *count += kept != x;
    return kept;
}

/* x / 2^right, rounding half up; negative: x * 2^-right. The caller proves that it fits. */
static inline int32_t sl_shift_round32(int32_t x, int32_t right) {
    if (right <= 0) {
        return (int32_t)((uint32_t)x << sl_min32(-right, 31));
    }
    return right > 31 ? 0 : (x >> right) + (x >> (right - 1) & 1);
}

static inline int64_t sl_shift_round64(int64_t x, int32_t right) {
    if (right <= 0) { /* a product takes less code than a shift of 64 bits */
        return (int64_t)((uint64_t)x * (1u << sl_min32(-right, 31)));
    }
    return ((x >> (sl_min32(right, 62) - 1)) + 1) >> 1;
}

/* x / 2^right, rounding towards zero; negative: x * 2^-right. */
static inline int32_t sl_shift_truncate32(int32_t x, int32_t right) {
    if (right <= 0) {
        return (int32_t)((uint32_t)x << sl_min32(-right, 31));
    }
    uint32_t size = right > 31 ? 0 : sl_abs32(x) >> right;
    return x < 0 ? -(int32_t)size : (int32_t)size;
}

/* x >> right; a negative right shifts left, clamping to +-2^bits. */
static inline int32_t sl_shift_saturate(int32_t x, int32_t right, int32_t bits, uint32_t *count) {
    if (right >= 0) {
        return x >> sl_min32(right, 31);
    }
    const int32_t left = sl_min32(-right, bits);
    return (int32_t)((uint32_t)sl_clamp_count(x, (1 << bits) >> left, count) << left);
}

#if defined(__ARM_FP) && !defined(SL_HOST)
static inline float sl_root32(float x) { /* the builtin is a call of the library */
    float root;
    __asm("vsqrt.f32 %0, %1" : "=t"(root) : "t"(x));
    return root;
}
#endif

/* Floor of the square root. */
static inline uint32_t sl_isqrt32(uint32_t x) {
#if defined(SL_HOST)
    return (uint32_t)__builtin_sqrt((double)x); /* binary64 has bits enough for the floor */
#elif defined(__ARM_FP)
    /* The root in binary32 is at most one off. */
    uint32_t near = (uint32_t)sl_root32((float)x);
    __asm("usat %0, #16, %0" : "+r"(near));
    near -= near * near > x;
    return near + (x - near * near > 2 * near);
#endif
    uint32_t root = 0;
    for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2) {
        uint32_t trial = root + bit;
        root >>= 1;
        if (x >= trial) {
            x -= trial;
            root += bit;
        }
    }
    return root;
}
