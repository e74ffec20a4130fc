/* How gradients and rows of layer 0 become factors of 16 bits. Golden model: the rule's
 * golden_steps.py, function for function. */
#pragma once

#include "sl_gain.h"
#include "sl_step.h"
#include "sl_steps.h"

enum {
    SL_FACTOR_BITS = 14,
    SL_FACTOR_MORE_BITS = 8,
    SL_DRAWN_MU = 1, /* a factor below 2^(right + this) is drawn */
    SL_DRAWN_RHO = 5,
    SL_DRAWN_BITS = 13,
    SL_RIGHT_MAX = 31,
    SL_RIGHT_MIN_MU = -3, /* of the shift that remains */
    SL_RIGHT_MIN_RHO = -8,
    SL_THRESHOLD_MIN = 2,
    SL_STEP_MORE_BITS = 3, /* of a step of rho, before it is shifted */
};

/* In place: y times a gain in lanes of 16 bits, the largest of 15; returns what this adds to its
 * exponent. */
static __attribute__((unused)) int32_t sl_lanes_of(int32_t *y, uint32_t n, sl_scale_t gain) {
    const int32_t largest = sl_bit_length(sl_largest(y, n));
    if (largest == 0) {
        return 0;
    }
    for (uint32_t j = 0; j < n; j++) {
        y[j] = sl_shift_round32(y[j], largest - 15) * gain.mantissa;
    }
    const int32_t drop = sl_bit_length(sl_largest(y, n)) - 15;
    for (uint32_t j = 0; j < n; j++) {
        y[j] = sl_clamp32(sl_shift_round32(y[j], drop), -SL_LANE_MAX, SL_LANE_MAX);
    }
    return 15 - largest + gain.exponent - drop;
}

/* How a sample's rows become factors: golden's `factors`. */
typedef struct {
    int32_t most;      /* the largest reach of a row */
    int32_t threshold; /* of a factor that is the row's own, with bits more */
    int32_t bits;      /* of a factor that is drawn */
    int32_t right;     /* the shift that remains */
} sl_factors_t;

SL_INLINE sl_factors_t sl_factors_of(int32_t most, int32_t lasting, int32_t least, int32_t drawn,
                                     uint32_t *count) {
    const int32_t wanted = lasting - most;
    *count += wanted < least;
    const int32_t right = sl_clamp32(wanted, least, SL_RIGHT_MAX);
    const int32_t threshold = sl_max32(right + drawn, SL_THRESHOLD_MIN);
    const int32_t bits = sl_min32(threshold, SL_DRAWN_BITS);
    return (sl_factors_t){most, threshold, bits, right - (threshold - bits)};
}
