/* What a factor's code holds: 5 bits of exponent and 27 of mantissa. Golden model:
 * golden_codes.py of the rule. Formats, shifts and bounds: the rule's NUMBERS.md. */
#pragma once

#include <stdint.h>

enum {
    SL_FACTOR_BITS = 27,
    SL_OCTAVE = 1 << SL_FACTOR_BITS, /* of a factor's code */
    SL_GAUGE_LOW = 13,
    SL_GAUGE_HIGH = 18,
    SL_FACTOR_RATIO_MAX = 1 << 24,
    SL_PEAK_HIGH = 28672,
    SL_PEAK_LOW = 12288,
    SL_MU_FRAC_BITS_MAX = 20,
};

/* The mantissa of a factor, cut to so many bits, the highest 1. */
static inline uint32_t sl_top_bits(uint32_t code, uint32_t bits) {
    return ((code >> (28 - bits)) & ((1u << (bits - 1)) - 1)) | 1u << (bits - 1);
}

static inline int32_t sl_factor_octave(uint32_t code) {
    return (int32_t)(code >> SL_FACTOR_BITS);
}

static inline int32_t sl_top_octave(const uint32_t *code, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        most = code[i] > most ? code[i] : most;
    }
    return sl_factor_octave(most);
}

/* The exponent of a column's root: its value is root * 2^-exponent. */
static inline int32_t sl_root_exponent(uint32_t column) {
    return (47 - sl_factor_octave(column)) >> 1;
}
