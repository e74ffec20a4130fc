/* A step of time begins, in float32: the equations of streamlearn/spiking.py. */
#pragma once

#include "sl_build.h"
#include "sl_events.h"
#include "sl_float.h"
#include "sl_recurrence.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* The front end's values arrive at their traces. They become layer 0's inputs where they charge it;
 * else the traces do. */
SL_INLINE void sl_time_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    const float keep = sl_keep(0);
    uint32_t events = 0, live = 0;
    sl_events_arrive(state, scratch);
    sl_own_arrive(state, scratch);
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        const float value = scratch->input[i];
        const float left = sl_leak(state->input_trace[i], keep, SL_TRACE_END);
        const float trace = sl_clamp(left + value, -SL_INPUT_TRACE_MAX, SL_INPUT_TRACE_MAX);
        events += value != 0;
        live += trace != 0;
        scratch->new_input_trace[i] = trace;
        if (!SL_CHARGED) {
            scratch->input[i] = trace;
        }
    }
    scratch->new_events[0] = events;
    scratch->new_live[0] = live;
}
