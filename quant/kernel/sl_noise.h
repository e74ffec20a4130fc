/* Random bits, a hash of (seed, sample, index): quant/NUMBERS.md. */
#pragma once

#include <stdint.h>

enum {
    SL_STREAM_EPSILON = 0,
    SL_STREAM_ROW = 64,
    SL_STREAM_GATE = 96,
    SL_STREAM_REPLAY = 120,
    SL_STREAM_RARE = 121,
    SL_STREAM_COLUMN = 128,
    SL_STREAM_AVERAGE = 160,
    SL_STREAM_PULL = 192,
    SL_STREAM_RANGE = 224
};

enum { SL_REPLAY_WORDS = 3 }; /* of a replay: its class, its sample, the key of its noise */

static inline uint32_t sl_mix32(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

static inline uint32_t sl_noise_key(uint32_t seed, uint32_t sample) {
    return sl_mix32(sl_mix32(seed + 0x9E3779B9u) + sample * 0x9E3779B9u);
}

static inline uint32_t sl_noise_word(uint32_t key, uint32_t stream, uint32_t index) {
    return sl_mix32(key + ((stream << 24) + index) * 0x9E3779B9u);
}
