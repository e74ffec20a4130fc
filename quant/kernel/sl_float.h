/* binary32: its bits, and the floating point that the float32 kernels share. */
#pragma once

/* No product is rounded together with a sum: every core has the same bits. GCC takes its word for
 * it from -std=c11, and knows no such pragma. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#include <stdint.h>

#define SL_RAW_MAX 1e18f /* of a sensor value: its square, and a sum of squares, stay finite */

static inline uint32_t sl_is_finite(uint32_t bits) {
    return (bits & 0x7F800000u) != 0x7F800000u;
}

static inline float sl_float_of(uint32_t bits) {
    const union {
        uint32_t bits;
        float value;
    } both = {bits};
    return both.value;
}

static inline uint32_t sl_bits_of(float x) {
    const union {
        float value;
        uint32_t bits;
    } both = {x};
    return both.bits;
}

static inline float sl_clamp(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

/* exp(x) for x in [-87, 0]: 2^n times a polynomial of degree 6, relative error below 2e-7. Outside
 * it is that of the nearest end, and of a NaN that of -87. */
static inline float sl_exp(float x) {
    x = x > -87.0f ? x : -87.0f;
    x = x < 0.0f ? x : 0.0f;
    float y = x * 1.44269504f;
    int32_t n = (int32_t)(y - 0.5f);
    float f = (y - (float)n) * 0.693147181f;
    float p =
        1.0f +
        f * (1.0f +
             f * (0.5f + f * (1.0f / 6 + f * (1.0f / 24 + f * (1.0f / 120 + f * (1.0f / 720))))));
    const union {
        int32_t bits;
        float value;
    } scale = {(n + 127) << 23};
    return p * scale.value;
}
