/* float32 in one order of operations, never contracted, and without a mathematical library. */
#pragma once

#pragma STDC FP_CONTRACT OFF

#include <stdint.h>

#include "sl_float.h"

static inline float sl_memory_max(float a, float b) {
    return a > b ? a : b;
}

/* Of a number of 1 or more. */
static inline float sl_memory_log(float x) {
    const uint32_t bits = sl_bits_of(x);
    int32_t e = (int32_t)(bits >> 23) - 127;
    float m = sl_float_of((bits & 0x7FFFFFu) | (127u << 23));
    if (m > 1.41421356f) {
        m = m * 0.5f;
        e++;
    }
    const float u = (m - 1.0f) / (m + 1.0f);
    const float square = u * u;
    const float p =
        1.0f +
        square * (1.0f / 3 + square * (1.0f / 5 + square * (1.0f / 7 + square * (1.0f / 9))));
    return (float)e * 0.693147181f + (u + u) * p;
}

/* 1/sqrt of a number from 1e-36 to 1e37. */
static inline float sl_memory_inverse_root(float x) {
    float y = sl_float_of(0x5F3759DFu - (sl_bits_of(x) >> 1));
    const float half = x * 0.5f;
    for (uint32_t k = 0; k < 3; k++) {
        y = y * (1.5f - half * y * y);
    }
    return y;
}

/* The largest whole number of at most x, which fits 32 bits. */
static inline int32_t sl_memory_floor(float x) {
    const int32_t whole = (int32_t)x;
    return whole - ((float)whole > x);
}
