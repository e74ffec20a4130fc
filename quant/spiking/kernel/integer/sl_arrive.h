/* A step of time begins, in integers. Golden model: quant/spiking/golden.py, function for
 * function. */
#pragma once

#include "sl_build.h"
#include "sl_events.h"
#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* The front end's values arrive at their traces. They become layer 0's inputs where they charge it;
 * else the traces do. */
SL_INLINE void sl_time_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    uint32_t events = 0, live = 0;
    sl_events_arrive(state, scratch);
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        const int32_t value = scratch->input[i], old = state->input_trace[i];
        int32_t trace = 0;
        if ((value | old) != 0) { /* a silent input costs no more than this */
            trace = sl_clamp32(sl_decay(old, sl_leaks[0]) + value * (1 << SL_INPUT_SHIFT),
                               -SL_INPUT_TRACE_MAX, SL_INPUT_TRACE_MAX);
            events += value != 0;
        }
        const int32_t size = (int32_t)(sl_abs32(trace) >> SL_INPUT_SHIFT);
        live += size != 0;
        scratch->new_input_trace[i] = (int16_t)trace;
        if (!SL_CHARGED) {
            scratch->input[i] = (sl_input_t)(trace < 0 ? -size : size);
        }
    }
    scratch->new_events[0] = events;
    scratch->new_live[0] = live;
}
