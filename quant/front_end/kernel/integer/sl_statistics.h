/* Running mean and variance of one sensor value, in units that follow its scale. Golden model:
 * quant/front_end/golden.py, follow; quant/front_end/NUMBERS.md. */
#pragma once

#include "sl_integer.h"

enum {
    SL_EXPONENT_START = 127,
    SL_MAGNITUDE_BITS = 28,
    SL_DELTA_BITS = 20,
    SL_VARIANCE_BITS = 28,
    SL_VARIANCE_LOW_BITS = 24,
};

/* A binary32 value is mantissa * 2^power; subnormals count as zero. */
typedef struct {
    uint32_t mantissa;
    int32_t power;
    uint32_t negative;
} sl_float_t;

static inline sl_float_t sl_float_unpack(uint32_t bits) {
    uint32_t field = (bits >> 23) & 255u;
    sl_float_t x = {0, 0, bits >> 31};
    if (field != 0) {
        x.mantissa = (bits & 0x7FFFFFu) | 0x800000u;
        x.power = (int32_t)field - 150;
    }
    return x;
}

/* x in units of 2^-exponent, rounding half away from zero. The caller keeps it below 2^28. */
static inline int32_t sl_float_at(sl_float_t x, int32_t exponent) {
    int32_t right = -(x.power + exponent);
    uint32_t size = x.mantissa;
    if (size == 0) {
        return 0;
    }
    if (right <= 0) {
        size <<= -right;
    } else {
        size = right > 25 ? 0 : (size + (1u << (right - 1))) >> right;
    }
    return x.negative ? -(int32_t)size : (int32_t)size;
}

typedef struct {
    int32_t mean, exponent;
    uint64_t variance;
} sl_statistics_t;

/* Coarser units by 2^down: one step of the block exponent. */
static inline void sl_statistics_coarsen(sl_statistics_t *s, int32_t down) {
    s->exponent -= down;
    s->mean = sl_shift_round32(s->mean, down);
    s->variance = down >= 16 ? 0 : s->variance >> (2 * down);
}

/* Follow by rate/2^16; returns x minus the new mean, in the new units. */
static inline int32_t sl_statistics_follow(sl_statistics_t *s, sl_float_t x, uint32_t first,
                                           int32_t rate) {
    if (x.mantissa != 0) {
        int32_t fits = 4 - x.power;
        sl_statistics_coarsen(s, sl_max32(s->exponent - fits, 0));
    }
    int32_t x_q = sl_float_at(x, s->exponent);
    if (first) {
        s->mean = x_q;
        s->variance = 0;
        return 0;
    }
    int32_t down = sl_bit_length(sl_abs32(x_q - s->mean)) - SL_DELTA_BITS;
    if (down > 0) {
        sl_statistics_coarsen(s, down);
        x_q = sl_float_at(x, s->exponent);
    }
    int32_t delta = x_q - s->mean;
    s->mean += (int32_t)(((int64_t)delta * rate + 32768) >> 16);
    int32_t after = x_q - s->mean;
    int64_t spread = (int64_t)delta * after - (int64_t)s->variance;
    s->variance = (uint64_t)((int64_t)s->variance + ((spread * rate + 32768) >> 16));

    int32_t bits = sl_bit_length64(s->variance);
    if (bits > SL_VARIANCE_BITS) {
        down = (bits - SL_VARIANCE_BITS + 1) >> 1;
        sl_statistics_coarsen(s, down);
        after = sl_shift_round32(after, down);
        bits = sl_bit_length64(s->variance);
    }
    if (bits > 0 && bits <= SL_VARIANCE_LOW_BITS) {
        int32_t room = sl_min32(SL_MAGNITUDE_BITS - 1 - sl_bit_length(sl_abs32(s->mean)),
                                SL_EXPONENT_START - s->exponent);
        int32_t up = sl_clamp32((SL_VARIANCE_BITS - bits) >> 1, 0, sl_max32(room, 0));
        s->exponent += up;
        s->mean = sl_shift_round32(s->mean, -up);
        s->variance <<= 2 * up;
        after = sl_shift_round32(after, -up);
    }
    return after;
}
