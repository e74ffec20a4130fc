/* sigma^2 = rho 2^(exponent - 15): rho of 14 bits for a weight, an exponent for a row. Golden
 * model: the rule's variance.py, function for function. */
#pragma once

#include "sl_integer.h"
#include "sl_rho.h"

enum {
    SL_POINT = 15,
    SL_EXPONENTS = 32,
    SL_WIDE_BITS = 13,
};

/* The largest exponent of a row: with it sigma^2 is below 2^v_exponent. */
static inline int32_t sl_most_exponent(int32_t v_exponent) {
    return v_exponent + SL_POINT - SL_RHO_BITS;
}

/* Halve a row that has outgrown its bits; `seen` is the OR of its mantissas. */
static void sl_row_narrow(int16_t *rho, int8_t *exponent, uint32_t n, int32_t v_exponent,
                          uint32_t seen, uint32_t *count) {
    if (seen <= SL_RHO_MAX) {
        return;
    }
    const uint32_t halves = *exponent < sl_most_exponent(v_exponent);
    for (uint32_t j = 0; j < n; j++) {
        const int32_t value = halves ? (rho[j] + 1) >> 1 : rho[j];
        *count += !halves && value > SL_RHO_MAX;
        rho[j] = (int16_t)sl_min32(value, SL_RHO_MAX);
    }
    *exponent = (int8_t)(*exponent + (int32_t)halves);
}

/* Double a row that has shrunk until its largest mantissa has 13 bits; `seen` as above. */
static void sl_row_widen(int16_t *rho, int8_t *exponent, uint32_t n, int32_t v_exponent,
                         uint32_t seen) {
    const int32_t least = sl_most_exponent(v_exponent) - SL_EXPONENTS + 1;
    const int32_t up = sl_min32(SL_WIDE_BITS - sl_bit_length(seen), *exponent - least);
    if (up <= 0) {
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        rho[j] = (int16_t)(rho[j] << up);
    }
    *exponent = (int8_t)(*exponent - up);
}
