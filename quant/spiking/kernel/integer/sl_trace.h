/* Traces, in integers: their formats, and how they leak. */
#pragma once

#include <stdint.h>

#include "sl_front_end.h"
#include "sl_integer.h"

enum {
    SL_TRACE_FRAC_BITS = 9,
    SL_TRACE_MAX = (1 << 15) - 1,
    SL_INPUT_SHIFT = SL_TRACE_FRAC_BITS - SL_INPUT_FRAC_BITS,
    SL_INPUT_TRACE_MAX = (1 << (7 + SL_INPUT_SHIFT)) - 1,
    SL_OUTPUT_FRAC_BITS = 8,   /* of a trace as an input */
    SL_ARRIVING_FRAC_BITS = 7, /* of a spike that charges the next layer */
};

static const uint8_t sl_leaks[SL_N_LAYERS] = SL_LEAKS;

/* Whether what arrives charges a layer's membranes. */
static inline uint32_t sl_charged(uint32_t index) {
    return SL_CHARGED && index + 1 < SL_N_LAYERS;
}

/* Takes 2^-k of a size, rounded up: so every trace ends at 0. */
static inline uint32_t sl_decay_size(uint32_t size, uint32_t k) {
    return size - ((size + (1u << k) - 1) >> k);
}

/* The same of what may be negative: a shift rounds the size of that up by itself. */
static inline int32_t sl_decay(int32_t trace, uint32_t k) {
    const int32_t up = (int32_t)((1u << k) - 1);
    return trace - ((trace + (up & ~(trace >> 31))) >> k);
}
