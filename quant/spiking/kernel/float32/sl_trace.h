/* Traces in float32, and how they leak: the equations of streamlearn/spiking.py. */
#pragma once

#include <stdint.h>

#include "sl_config.h"
#include "sl_float.h"

#define SL_TRACE_MAX       (64.0f - 1.0f / 512)
#define SL_INPUT_TRACE_MAX (8.0f - 1.0f / 512)
/* What is less has ended: no such trace moves a weight, and it would never come to 0. */
#define SL_TRACE_END (1.0f / (1 << 20))

static const uint8_t sl_leaks[SL_N_LAYERS] = SL_LEAKS;

/* What a step leaves of a layer's traces. */
static inline float sl_keep(uint32_t index) {
    return 1.0f - 1.0f / (float)(1u << sl_leaks[index]);
}

/* Whether what arrives charges a layer's membranes. */
static inline uint32_t sl_charged(uint32_t index) {
    return SL_CHARGED && index + 1 < SL_N_LAYERS;
}

/* What is left of a trace; end: where it ends. */
static inline float sl_leak(float trace, float keep, float end) {
    const float left = trace * keep;
    return __builtin_fabsf(left) < end ? 0.0f : left /* NaN passes */;
}
