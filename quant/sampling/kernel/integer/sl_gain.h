/* What the updates in integers share: gradients as products take them. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_lanes.h"

enum {
    SL_LIMIT24 = (1 << 24) - 1, /* of delta and of delta epsilon / spread */
    SL_MU_STEP_BITS = 30,
};

/* Bits of the largest sum of magnitudes over the draws. */
SL_INLINE int32_t sl_sum_bits(const int32_t *x, uint32_t n) {
    uint64_t most = 0;
#if SL_SMALL
    for (uint32_t s = 0; s < L; s++) {
        uint64_t sum = 0;
        for (uint32_t e = s; e < n * L; e += L) {
            sum += sl_abs32(x[e]);
        }
        most = sum > most ? sum : most;
    }
#else
    uint64_t sum[L] = {0};
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t s = 0; s < L; s++) {
            sum[s] += sl_abs32(x[k * L + s]);
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        most = sum[s] > most ? sum[s] : most;
    }
#endif
    return sl_bit_length64(most);
}

static uint32_t sl_largest(const int32_t *x, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        uint32_t size = sl_abs32(x[e]);
        most = size > most ? size : most;
    }
    return most;
}

/* Scale x to 15 bits, multiply by the gain, drop bits, in place; returns what this adds to its
 * exponent. */
static inline int32_t sl_apply_gain(int32_t *x, uint32_t n, int32_t mantissa, int32_t exponent,
                                    int32_t drop) {
    int32_t bits = sl_bit_length(sl_largest(x, n));
    int32_t shift = bits == 0 ? 0 : 15 - bits;
    for (uint32_t e = 0; e < n; e++) {
        x[e] = sl_shift_round32(sl_shift_round32(x[e], -shift) * mantissa, drop);
    }
    return shift + exponent - drop;
}

/* What an update takes: layer 0 the sums over the draws, [unit]; later layers [draw][unit]. */
SL_INLINE void sl_gather(const int32_t *x, uint32_t columns, uint32_t sum_draws, int32_t *out) {
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum = 0;
        SL_UNROLL_FOUR
        for (uint32_t s = 0; s < S; s++) {
            sum += x[j * L + s];
            if (!sum_draws) {
                out[s * columns + j] = x[j * L + s];
            }
        }
        if (sum_draws) {
            out[j] = sum;
        }
    }
}
