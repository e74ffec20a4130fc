/* What a factor's code holds: 5 bits of exponent and 27 of mantissa. Golden model:
 * golden_codes.py of the rule. Formats, shifts and bounds: the rule's NUMBERS.md. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"

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

/* sum / n of a sum below 2^48 and a mean below 2^32: a chip has no division of 64 bits. */
SL_ONE_COPY static inline uint32_t sl_mean_of(uint64_t sum, uint32_t n) {
    SL_STATIC_ASSERT(SL_MAX_UNITS < 1 << 16, "a remainder has 16 bits");
    const uint32_t above = (uint32_t)(sum >> 16), high = above / n;
    return (high << 16) + ((above - high * n) << 16 | ((uint32_t)sum & 0xFFFFu)) / n;
}
