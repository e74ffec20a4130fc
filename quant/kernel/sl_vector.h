/* Floats side by side: eight in a register of the host, one on a chip. Rules are written once, a
 * vector at a time, so both take the same steps in the same order. */
#pragma once

#include "sl_build.h"
#include "sl_lanes.h"

/* Where it has the instruction, the host rounds a product and its sum once; a chip rounds twice,
 * unless its build says SL_FUSE: then its bits are the host's. */
#if (defined(SL_HOST) || defined(SL_FUSE)) && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
#define SL_FUSED 1
#else
#define SL_FUSED 0
#endif

#define SL_EIGHT(k) for (uint32_t k = 0; k < 8; k++)

/* Sums in an array stay in registers if the loop over it is unrolled. */
#if defined(SL_HOST) && defined(__clang__)
#define SL_UNROLL_VECTORS _Pragma("clang loop unroll(full)")
#else
#define SL_UNROLL_VECTORS
#endif

SL_FOLD float sl_multiply_add1(float a, float b, float c) {
    return SL_FUSED ? __builtin_fmaf(a, b, c) : a * b + c;
}

#if SL_ON_HOST

enum { V = 8 };
typedef float sl_vector_t __attribute__((vector_size(32)));
typedef int32_t sl_mask_t __attribute__((vector_size(32)));

/* The first n floats, and 0 in the rest. */
SL_FOLD sl_vector_t sl_load(const float *from, uint32_t n) {
    sl_vector_t x = {0};
    __builtin_memcpy(&x, from, (n < V ? n : V) * sizeof *from);
    return x;
}

SL_FOLD void sl_store(float *to, sl_vector_t x, uint32_t n) {
    __builtin_memcpy(to, &x, (n < V ? n : V) * sizeof *to);
}

SL_FOLD sl_vector_t sl_spread(float x) {
    return (sl_vector_t){x, x, x, x, x, x, x, x};
}

/* a b + c. */
SL_FOLD sl_vector_t sl_multiply_add(sl_vector_t a, sl_vector_t b, sl_vector_t c) {
#if SL_FUSED && defined(__clang__)
    return __builtin_elementwise_fma(a, b, c);
#elif SL_FUSED
    sl_vector_t sum = c;
    SL_EIGHT(k) {
        sum[k] = __builtin_fmaf(a[k], b[k], c[k]);
    }
    return sum;
#else
    return a * b + c;
#endif
}

SL_FOLD sl_vector_t sl_root(sl_vector_t x) {
#ifdef __clang__
    return __builtin_elementwise_sqrt(x);
#else
    SL_EIGHT(k) {
        x[k] = __builtin_sqrtf(x[k]);
    }
    return x;
#endif
}

SL_FOLD sl_vector_t sl_select(sl_mask_t which, sl_vector_t a, sl_vector_t b) {
    return (sl_vector_t)((which & (sl_mask_t)a) | (~which & (sl_mask_t)b));
}

SL_FOLD uint32_t sl_any(sl_mask_t which) {
    int32_t found = 0;
    SL_EIGHT(k) {
        found |= which[k];
    }
    return found != 0;
}

/* 0 in the lanes without a draw; s: the first lane's. */
SL_FOLD sl_vector_t sl_drawn(sl_vector_t x, uint32_t s) {
    sl_mask_t mask = {0};
    SL_EIGHT(k) {
        mask[k] = s + k < S ? -1 : 0;
    }
    return (sl_vector_t)((sl_mask_t)x & mask);
}

/* Sum of the lanes: halves onto each other. */
SL_FOLD float sl_across(sl_vector_t x) {
    const float a = x[0] + x[4], b = x[1] + x[5], c = x[2] + x[6], d = x[3] + x[7];
    return (a + c) + (b + d);
}

/* A unit's sum over the draws, in the host's order on every machine. */
SL_FOLD float sl_sum_draws(const float *x) {
    sl_vector_t sum = {0};
    for (uint32_t s = 0; s < L; s += V) {
        sum += sl_load(x + s, V);
    }
    return sl_across(sum);
}

/* Towards 0. */
SL_FOLD sl_mask_t sl_whole(sl_vector_t x) {
    return __builtin_convertvector(x, sl_mask_t);
}

SL_FOLD sl_vector_t sl_real(sl_mask_t x) {
    return __builtin_convertvector(x, sl_vector_t);
}

/* 2^n, n of a normal number. */
SL_FOLD sl_vector_t sl_power_of_two(sl_mask_t n) {
    return (sl_vector_t)((n + 127) << 23);
}

#else

enum { V = 1 };
typedef float sl_vector_t;
typedef int32_t sl_mask_t;

SL_FOLD float sl_load(const float *from, uint32_t n) {
    (void)n;
    return *from;
}

SL_FOLD void sl_store(float *to, float x, uint32_t n) {
    (void)n;
    *to = x;
}

SL_FOLD float sl_spread(float x) {
    return x;
}

SL_FOLD float sl_multiply_add(float a, float b, float c) {
    return sl_multiply_add1(a, b, c);
}

SL_FOLD float sl_root(float x) {
    return __builtin_sqrtf(x);
}

SL_FOLD float sl_select(int32_t which, float a, float b) {
    return which ? a : b;
}

SL_FOLD uint32_t sl_any(int32_t which) {
    return which != 0;
}

SL_FOLD float sl_drawn(float x, uint32_t s) {
    (void)s;
    return x;
}

SL_FOLD int32_t sl_whole(float x) {
    return (int32_t)x;
}

SL_FOLD float sl_real(int32_t x) {
    return (float)x;
}

SL_FOLD float sl_power_of_two(int32_t n) {
    const union {
        int32_t bits;
        float value;
    } power = {(n + 127) << 23};
    return power.value;
}

/* In the host's order. */
SL_FOLD float sl_sum_draws(const float *x) {
    float part[8] = {0};
    for (uint32_t s = 0; s < S; s++) {
        part[s % 8] += x[s];
    }
    const float a = part[0] + part[4], b = part[1] + part[5], c = part[2] + part[6];
    return (a + c) + (b + (part[3] + part[7]));
}

#endif

/* The smaller, the larger; b if one of them is NaN. */
SL_FOLD sl_vector_t sl_least(sl_vector_t a, sl_vector_t b) {
    return sl_select(a < b, a, b);
}

SL_FOLD sl_vector_t sl_most(sl_vector_t a, sl_vector_t b) {
    return sl_select(a > b, a, b);
}

/* 1/x, and 0 where x is not positive. */
SL_FOLD sl_vector_t sl_inverse(sl_vector_t x) {
    return sl_select(x > sl_spread(0), sl_spread(1) / x, sl_spread(0));
}

/* Whether any draw's input of a row is not 0. */
SL_FOLD uint32_t sl_used(const float *x) {
    sl_mask_t any = {0};
    for (uint32_t s = 0; s < L; s += V) {
        any |= sl_load(x + s, V) != sl_spread(0);
    }
    return sl_any(any);
}
