/* MESU in integers, the backward pass. Golden model: the rule's golden.py, function for function.
 */
#pragma once

#include "sl_gain.h"
#include "sl_rule.h"

enum {
    SL_LANE_BITS = 15,
    SL_RATIO_SUM_MAX = (1 << 30) - 1,
};

#define SL_PRODUCT_MAX ((int64_t)1 << 43)

SL_FOLD int32_t sl_over(int64_t product, int32_t inverse, int32_t limit, uint32_t *count) {
    const int64_t quotient = (((product + 128) >> 8) * inverse + (1 << 21)) >> 22;
    const int32_t kept = sl_clamp64(quotient, limit);
    *count += kept != quotient;
    return kept;
}

/* The same of a product that has been shortened by 8 bits, in as few bits as there are: beyond
 * 2^20 of its upper word it is clamped in any case. */
SL_FOLD int32_t sl_over_short(int32_t shortened, int32_t inverse, int32_t limit, uint32_t *count) {
    const int64_t product = (int64_t)shortened * inverse + (1 << 21);
    const int32_t upper = sl_clamp32((int32_t)(product >> 32), -(1 << 20) - 1, 1 << 20);
    const uint32_t quotient = (uint32_t)upper << 10 | (uint32_t)product >> 22;
    return sl_clamp_count((int32_t)quotient, limit, count);
}

/* Draws of which the shortened sum of delta epsilon has 31 bits. */
enum { SL_SHORT_DRAWS = 44 };

/* r = delta epsilon / spread, Q8.16. */
SL_INLINE void sl_ratio(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                        uint32_t n, int32_t *r, uint32_t *count) {
    uint32_t clamped = 0;
    for (uint32_t e = 0; e < n; e++) {
        const int32_t below = (delta[e] & 255) * epsilon[e] + 128;
        const int32_t product = (delta[e] >> 8) * epsilon[e] + (below >> 8);
        r[e] = sl_over_short(product, inverse[e], SL_LIMIT24, &clamped);
    }
    *count += clamped;
}

/* Layer 0, where all draws have one spread: the sum over the draws, Q14.16. */
SL_INLINE void sl_ratio_sum(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                            uint32_t columns, int32_t *r, uint32_t *count) {
    const uint32_t is_short = (uint32_t)S <= SL_SHORT_DRAWS;
    uint32_t clamped = 0;
    for (uint32_t j = 0; j < columns; j++) {
        int64_t sum = 0;
        SL_UNROLL_FOUR
        for (uint32_t s = 0; s < S; s++) {
            sum += (int64_t)delta[j * L + s] * epsilon[j * L + s];
        }
        r[j] = is_short ? (int32_t)((sum + 128) >> 8)
                        : sl_over(sum, inverse[j], SL_RATIO_SUM_MAX, count);
    }
    for (uint32_t j = 0; is_short && j < columns; j++) {
        r[j] = sl_over_short(r[j], inverse[j], SL_RATIO_SUM_MAX, &clamped);
    }
    *count += clamped;
}

/* Gradient by an input: through the means and through the deviations. */
static inline int64_t sl_input_gradient(int32_t mean, int32_t right_mean, int64_t product,
                                        int32_t right) {
    if (right < 0) { /* far beyond the clamp of the gradient */
        product = product > SL_PRODUCT_MAX    ? SL_PRODUCT_MAX
                  : product < -SL_PRODUCT_MAX ? -SL_PRODUCT_MAX
                                              : product;
    }
    return sl_shift_round64(mean, right_mean) + sl_shift_round64(product, right);
}

/* h through / 2^right, rounding half up; 0 <= h < 2^15, |through| < 2^29, right >= 17. */
static inline int32_t sl_input_product(int32_t h, int32_t through, int32_t right) {
    const int32_t high = h * (through >> 16); /* the floors of the product's halves */
    const int32_t low = (int32_t)((uint32_t)h * ((uint32_t)through & 0xFFFFu) >> 16);
    return right > 46 ? 0 : (high + low + (1 << (right - 17))) >> (right - 16);
}
