/* The code of sigma^2: 5 bits of exponent and 11 of mantissa. Formats, shifts and the bounds that
 * keep every product inside 32 bits: the rule's NUMBERS.md. */
#pragma once

#include <stdint.h>

enum { SL_OCTAVES = 32 };

static inline int32_t sl_mantissa(uint32_t rho) {
    return (int32_t)((rho & 2047u) | 2048u);
}

static inline int32_t sl_octave(uint32_t rho) {
    return (int32_t)(rho >> 11);
}
