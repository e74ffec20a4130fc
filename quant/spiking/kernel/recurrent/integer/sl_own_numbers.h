/* What a unit brings its own layer, in integers. Golden model: quant/spiking/golden.py. */
#pragma once

#include <stdint.h>

#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_own_brings.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* What is left of a trace that leaks as a layer does. */
static inline int32_t sl_own_left(int32_t trace, uint32_t index) {
    return sl_decay(trace, sl_leaks[index]);
}

/* The trace of a later layer's unit when its spike of the step before has come. */
static inline sl_trace_t sl_own_trace(int32_t was, int32_t fired, uint32_t index) {
    const int32_t one = (int32_t)sl_own_brings(index) << SL_INPUT_SHIFT;
    return (sl_trace_t)sl_min32(sl_own_left(was, index) + fired * one, SL_TRACE_MAX);
}

/* Such a trace, and such a spike, as an input of the layer. */
static inline sl_passed_t sl_own_passed(int32_t trace) {
    return (sl_passed_t)(trace >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS));
}

static inline sl_passed_t sl_own_spike(int32_t fired) {
    return (sl_passed_t)(fired << SL_ARRIVING_FRAC_BITS);
}

/* Of a unit of layer 0: the share of its draws that fired, n of them; and as an input. */
static inline sl_own_t sl_own_share(uint32_t n) {
    return (sl_own_t)(n == 0 ? 0 : (2 * sl_own_brings(0) * n + S) / (2 * S));
}

static inline sl_input_t sl_own_input(sl_own_t share) {
    return (sl_input_t)share;
}
