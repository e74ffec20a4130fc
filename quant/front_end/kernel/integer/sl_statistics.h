/* Running mean and variance of one sensor value, in units that follow its scale. Golden model:
 * quant/front_end/statistics.py; quant/front_end/NUMBERS.md. */
#pragma once

#include "sl_build.h"
#include "sl_hold.h"
#include "sl_integer.h"

enum {
    SL_EXPONENT_START = 127,
    SL_MAGNITUDE_BITS = 28,
    SL_DELTA_BITS = 20,
    SL_VARIANCE_BITS = 28,
    SL_VARIANCE_LOW_BITS = 24,
    SL_VALUE_BITS = 29,
    SL_EXPONENT_NORMAL = 125, /* with it a value that keeps a bit is no subnormal */
};

/* A binary32 value is mantissa * 2^power; subnormals count as zero. */
typedef struct {
    uint32_t mantissa;
    int32_t power;
    uint32_t negative;
} sl_float_t;

SL_ONE_COPY static inline sl_float_t sl_float_unpack(uint32_t bits) {
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

/* A feature: its statistics, and what is remembered of its last values. */
typedef struct {
    int32_t mean;
    uint32_t variance, reference;
    uint16_t mean_low, count;
    sl_memory_t memory;
    int8_t exponent;
} sl_feature_t;

/* x in units of 2^-exponent; +-2^30 if it has more than 29 bits. */
static inline int32_t sl_float_bounded(sl_float_t x, int32_t exponent) {
    if (x.mantissa != 0 && x.power + exponent > SL_VALUE_BITS - 24) {
        return x.negative ? -(2 << SL_VALUE_BITS) : 2 << SL_VALUE_BITS;
    }
    return sl_float_at(x, exponent);
}

/* The same of a value that loses 1 to 24 bits to its units; others are refused. No value is
 * subnormal, as the exponent says: SL_EXPONENT_NORMAL at most. */
static inline uint32_t sl_float_in_units(uint32_t bits, int32_t exponent, int32_t *x_q) {
    const int32_t field = (int32_t)(bits >> 23 & 255u);
    const uint32_t right = (uint32_t)(150 - field - exponent);
    if (right - 1 > 23) {
        return 0;
    }
    const int32_t size = (int32_t)((((bits << 8 | 1u << 31) >> (right + 7)) + 1) >> 1);
    *x_q = bits >> 31 ? -size : size;
    return 1;
}

/* The finest exponent at which x has at most 28 bits. */
static inline int32_t sl_float_fits(sl_float_t x) {
    return x.mantissa == 0 ? SL_EXPONENT_START : 4 - x.power;
}

static inline void sl_feature_mean(sl_feature_t *f, int64_t mean) {
    f->mean = (int32_t)(mean >> 16);
    f->mean_low = (uint16_t)mean;
}

/* Coarser units by 2^down, where down > 0; finer ones by 2^-down. */
SL_INLINE void sl_feature_rescale(sl_feature_t *f, int32_t down) {
    f->exponent = (int8_t)(f->exponent - down);
    sl_feature_mean(f, sl_shift_round64((int64_t)f->mean * 65536 + f->mean_low, down));
    f->variance = down < 0     ? f->variance << (-2 * down)
                  : down >= 16 ? 0
                               : f->variance >> (2 * down);
}

SL_INLINE void sl_feature_first(sl_feature_t *f, sl_float_t x) {
    f->exponent = (int8_t)sl_min32(sl_float_fits(x), SL_EXPONENT_START);
    f->mean = sl_float_at(x, f->exponent);
    f->mean_low = 0;
    f->variance = 0;
    f->count = 1;
}

/* Units that fit a new variance, of more bits than it is kept in; what is left of a deviation in
 * them. */
SL_INLINE int32_t sl_feature_fit(sl_feature_t *f, uint64_t variance, int32_t after) {
    if (variance >> SL_VARIANCE_BITS || sl_abs32(f->mean) >> SL_MAGNITUDE_BITS) {
        const int32_t mean_bits = sl_bit_length(sl_abs32(f->mean)) - SL_MAGNITUDE_BITS;
        const int32_t bits = (sl_bit_length64(variance) - SL_VARIANCE_BITS + 1) >> 1;
        const int32_t down = sl_max32(bits, mean_bits);
        sl_feature_rescale(f, down);
        f->variance = down >= 16 ? 0 : (uint32_t)((int64_t)variance >> (2 * down));
        after = sl_shift_round32(after, down);
    }
    if (f->variance >> SL_VARIANCE_LOW_BITS == 0 && f->variance != 0) {
        const int32_t room = sl_min32(SL_MAGNITUDE_BITS - 1 - sl_bit_length(sl_abs32(f->mean)),
                                      SL_EXPONENT_START - f->exponent);
        const int32_t wanted = (SL_VARIANCE_BITS - sl_bit_length(f->variance)) >> 1;
        const int32_t up = sl_min32(wanted, room);
        if (up > 0) {
            sl_feature_rescale(f, -up);
            after = sl_shift_round32(after, -up);
        }
    }
    return after;
}

/* Whether a new variance, or the mean, asks for other units. */
static inline uint32_t sl_feature_unfit(const sl_feature_t *f, uint64_t variance) {
    /* A new variance has at most 40 bits. */
    const uint32_t units = (uint32_t)(variance >> SL_VARIANCE_LOW_BITS);
    return units - 1 >= (1u << (SL_VARIANCE_BITS - SL_VARIANCE_LOW_BITS)) - 1 ||
           sl_abs32(f->mean) >> SL_MAGNITUDE_BITS;
}

/* A deviation enters mean and variance, in their old units; what is left of it. */
SL_FOLD int32_t sl_feature_follow(sl_feature_t *f, int32_t delta, uint32_t window,
                                  uint64_t *all_variance) {
    f->count = (uint16_t)(f->count < window ? f->count + 1u : window);
    const int32_t rate = (int32_t)(f->count < window ? 65536u / f->count : 65536u / window);
    const int64_t moved = (int64_t)delta * rate + f->mean_low;
    const int32_t step = (int32_t)(moved >> 16);
    f->mean += step;
    f->mean_low = (uint16_t)moved;
    const int32_t after = delta - step;
    const int64_t surplus = (int64_t)delta * after - (int64_t)f->variance;
    const uint64_t variance = (uint64_t)((int64_t)f->variance + ((surplus * rate + 32768) >> 16));

    f->variance = (uint32_t)variance;
    *all_variance = variance;
    return after;
}

/* The same, in the units that fit then. */
SL_INLINE int32_t sl_feature_enter(sl_feature_t *f, int32_t delta, uint32_t window) {
    uint64_t variance;
    const int32_t after = sl_feature_follow(f, delta, window, &variance);
    return sl_feature_unfit(f, variance) ? sl_feature_fit(f, variance, after) : after;
}

/* The first deviation from a single value finds the units. */
static inline int32_t sl_feature_unfold(sl_feature_t *f, sl_float_t x) {
    int32_t down = f->exponent - sl_float_fits(x);
    for (int32_t turn = 0; turn < 2; turn++) {
        if (down > 0) {
            sl_feature_rescale(f, down);
        }
        down = sl_bit_length(sl_abs32(sl_float_at(x, f->exponent) - f->mean)) - SL_DELTA_BITS;
    }
    return sl_clamp32(sl_float_at(x, f->exponent) - f->mean, -(1 << SL_DELTA_BITS),
                      1 << SL_DELTA_BITS); /* rounding may add one */
}
