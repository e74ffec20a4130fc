/* What a unit brings its own layer, in float32: the equations of streamlearn/spiking.py. */
#pragma once

#include <stdint.h>

#include "sl_lanes.h"
#include "sl_own_brings.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* What is left of a trace that leaks as a layer does. */
static inline float sl_own_left(float trace, uint32_t index) {
    return sl_leak(trace, sl_keep(index), SL_TRACE_END);
}

/* A whole input's spike is 1. */
static inline float sl_own_one(uint32_t index) {
    return (float)sl_own_brings(index) / SL_OWN_WHOLE;
}

/* The trace of a later layer's unit when its spike of the step before has come. */
static inline float sl_own_trace(float was, float fired, uint32_t index) {
    const float sum = sl_own_left(was, index) + fired * sl_own_one(index);
    return sum < SL_TRACE_MAX ? sum : SL_TRACE_MAX;
}

/* Such a trace, and such a spike, as an input of the layer. */
static inline float sl_own_passed(float trace) {
    return trace;
}

static inline float sl_own_spike(float fired) {
    return fired;
}

/* Of a unit of layer 0: the share of its draws that fired, n of them; and as an input. */
static inline float sl_own_share(uint32_t n) {
    return (float)n * sl_own_one(0) / S;
}

static inline float sl_own_input(float share) {
    return share;
}
