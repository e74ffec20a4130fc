/* What stages share: the last samples, values at an exponent, and features as binary32. Golden
 * model: quant/stages/signal.py; NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_integer.h"

enum {
    SL_SIGNAL_VALUE_BITS = 20,
    SL_SIGNAL_DEVIATION_BITS = 14,
    SL_SIGNAL_WAVE_BITS = 15,
    SL_SIGNAL_LOG_BITS = 8,
};

/* The last samples, binary32 patterns: those of a ring, and the newest. */
typedef struct {
    const uint32_t *ring, *newest;
    uint32_t at, n, channels; /* of the ring: where the newest would go */
} sl_past_t;

/* The p with 2^(p-1) <= |x| < 2^p; 0 of 0 and of subnormals. */
static inline int32_t sl_top(uint32_t bits) {
    const int32_t field = (int32_t)(bits >> 23 & 255u);
    return field == 0 ? 0 : field - 126;
}

/* The exponent by which the largest of some channels' values has so many bits. */
static inline int32_t sl_finest(const sl_past_t *past, uint32_t channel, uint32_t channels,
                                int32_t bits) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < past->n; i++) {
        const uint32_t *row = i == past->at ? past->newest : past->ring + i * past->channels;
        for (uint32_t c = channel; c < channel + channels; c++) {
            const uint32_t size = row[c] & 0x7FFFFFFFu;
            most = size > most ? size : most;
        }
    }
    return bits - sl_top(most);
}

/* A raw value in units of 2^-exponent, half away from zero; at most 2^limit_bits. */
static inline int32_t sl_value_at(uint32_t bits, int32_t exponent, int32_t limit_bits) {
    const int32_t field = (int32_t)(bits >> 23 & 255u), right = 150 - field - exponent;
    if (field == 0 || right > 25) {
        return 0;
    }
    uint32_t size = (bits & 0x7FFFFFu) | 0x800000u;
    if (right > 0) {
        size = (size + (1u << (right - 1))) >> right;
    } else {
        size = right < -6 ? 1u << 30 : size << -right;
    }
    const int32_t value = sl_min32((int32_t)size, (int32_t)1 << limit_bits);
    return bits >> 31 ? -value : value;
}

/* The same where the exponent is that of sl_finest: a value loses some bits. */
static inline int32_t sl_value_in(uint32_t bits, int32_t exponent) {
    const int32_t field = (int32_t)(bits >> 23 & 255u), right = 150 - field - exponent;
    if (field == 0 || right > 25) {
        return 0;
    }
    const uint32_t size = (bits & 0x7FFFFFu) | 0x800000u;
    const int32_t value = (int32_t)((size + (1u << (right - 1))) >> right);
    return bits >> 31 ? -value : value;
}

/* One channel of the last samples, the oldest first. */
static inline void sl_past_values(const sl_past_t *past, uint32_t channel, int32_t exponent,
                                  int32_t *value) {
    const uint32_t size = past->n * past->channels;
    uint32_t at = past->at * past->channels + channel;
    for (uint32_t i = 0; i + 1 < past->n; i++) {
        at += past->channels;
        at -= at >= size ? size : 0;
        value[i] = sl_value_in(past->ring[at], exponent);
    }
    value[past->n - 1] = sl_value_in(past->newest[channel], exponent);
}

/* value 2^-exponent as binary32; below 25 bits. */
static inline uint32_t sl_signal_real(int32_t value, int32_t exponent) {
    uint32_t size = sl_abs32(value);
    if (size == 0) {
        return 0;
    }
    const int32_t bits = sl_bit_length(size), field = bits + 126 - exponent;
    const uint32_t sign = value < 0 ? 0x80000000u : 0;
    if (field < 1) {
        return 0;
    }
    return field > 254 ? sign | 0x7F7FFFFFu
                       : sign | (uint32_t)field << 23 | (size << (24 - bits) & 0x7FFFFFu);
}

/* log2 of an integer from 1 on, .8: a straight line between two powers of two. */
static inline int32_t sl_log2(uint64_t x) {
    const int32_t bits = sl_bit_length64(x), right = bits - 1 - SL_SIGNAL_LOG_BITS;
    const int32_t lead = (int32_t)(right >= 0 ? x >> right : x << -right);
    return (bits - 1) * (1 << SL_SIGNAL_LOG_BITS) + lead - (1 << SL_SIGNAL_LOG_BITS);
}

/* What a value has left after 2^-k of its size is gone, rounded up: so every trace ends at 0. */
static inline int32_t sl_leaked(int32_t value, int32_t k) {
    const uint32_t size = sl_abs32(value);
    const int32_t left = (int32_t)(size - ((size + (1u << k) - 1u) >> k));
    return value < 0 ? -left : left;
}

/* Values of a channel, n of them, and what they are around. */
typedef struct {
    int32_t mean, low, high, down;
} sl_around_t;

static inline sl_around_t sl_around(const int32_t *q, uint32_t n) {
    int32_t total = 0, low = q[0], high = q[0];
    for (uint32_t i = 0; i < n; i++) {
        total += q[i];
        low = sl_min32(low, q[i]);
        high = sl_max32(high, q[i]);
    }
    const int32_t size = (int32_t)((sl_abs32(total) + n / 2) / n);
    const int32_t mean = total < 0 ? -size : size;
    const uint32_t most = sl_abs32(sl_max32(high - mean, mean - low));
    return (sl_around_t){mean, low, high,
                         sl_max32(sl_bit_length(most) - SL_SIGNAL_DEVIATION_BITS, 0)};
}
