/* The first values of a sensor: which of two was wild, once a third one tells. Golden model:
 * golden_start.py; ../NUMBERS.md. */
#pragma once

#include <stdint.h>

#include "sl_signal.h"
#include "sl_statistics.h"

enum { SL_WILD_BITS = 8 };

/* A value's bits, with 0 for subnormals and for -0. */
static inline uint32_t sl_start_bits(uint32_t bits) {
    return (bits & 0x7F800000u) == 0 ? 0 : bits;
}

/* Whether one of two values was wild: a third one, which is neither, is far closer to the other. */
static inline uint32_t sl_start_wild(uint32_t one, uint32_t other, uint32_t x) {
    const uint32_t a = one & 0x7FFFFFFFu, b = other & 0x7FFFFFFFu, c = x & 0x7FFFFFFFu;
    const uint32_t larger = a > b ? a : b, largest = c > larger ? c : larger;
    const int32_t e = SL_MAGNITUDE_BITS - sl_top(largest);
    const int32_t second = sl_float_at(sl_float_unpack(other), e);
    const uint32_t apart = sl_abs32(sl_float_at(sl_float_unpack(one), e) - second);
    const uint32_t near = sl_abs32(sl_float_at(sl_float_unpack(x), e) - second);
    return near < apart >> SL_WILD_BITS;
}

/* A value comes: a feature whose statistics hold a wild value begins again without it. The caller
 * has the other value in its reference. Returns whether the doubt stays; *steady as from now on. */
static inline uint32_t sl_start_again(sl_feature_t *f, uint32_t *steady, uint32_t x) {
    const uint32_t was = *steady, other = f->reference;
    if (was == other) { /* nothing is in doubt, unless this is another value than a constant */
        f->reference = f->variance == 0 ? x : other;
        return x != was && f->variance == 0;
    }
    if (x == was || x == other) {
        return 1;
    }
    const uint32_t first_wild = sl_start_wild(was, other, x);
    if (first_wild || sl_start_wild(other, was, x)) {
        *steady = first_wild ? other : was;
        f->reference = x;
        sl_feature_first(f, sl_float_unpack(*steady));
        return 1;
    }
    return 0;
}

/* The value has entered: without a doubt nothing but a constant is remembered. */
static inline void sl_start_decided(sl_feature_t *f, uint32_t *steady, uint32_t waits, uint32_t x) {
    if (!waits) {
        *steady = f->variance == 0 ? x : 0;
        f->reference = *steady;
    }
}
