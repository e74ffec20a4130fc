/* Spiking layers in integers: how time passes, of which traces tell. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include "sl_build.h"
#include "sl_charges.h"
#include "sl_events.h"
#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_recurrence.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* What the noise of a learning step is drawn by: not every step is learned. */
static inline uint32_t sl_time_counter(const sl_state_t *state) {
    return state->time_steps;
}

/* The front end's values arrive at their traces. They become layer 0's inputs where they charge it;
 * else the traces do. */
SL_INLINE void sl_time_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    uint32_t events = 0, live = 0;
    sl_events_arrive(state, scratch);
    sl_own_arrive(state, scratch);
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        const int32_t value = scratch->input[i], old = state->input_trace[i];
        int32_t trace = 0;
        if ((value | old) != 0) { /* a silent input costs no more than this */
            trace = sl_clamp32(sl_decay(old, sl_leaks[0]) + value * (1 << SL_ARRIVING),
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

SL_FOLD void sl_copy16(int16_t *to, const int16_t *from, uint32_t n) {
    SL_UNROLL_FOUR
    for (const int16_t *end = from + n; from != end; from++) {
        *to++ = *from;
    }
}

/* The step has passed: what it left becomes the state's. */
SL_INLINE void sl_time_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    sl_events_commit(state, scratch);
    sl_copy16(state->input_trace, scratch->new_input_trace, SL_N_INPUTS);
    sl_copy16(state->membrane_reset, scratch->new_reset, SL_N_HIDDEN_UNITS * S);
    sl_copy16(state->output_trace, scratch->new_output, SL_N_HIDDEN_UNITS * S);
    sl_charges_commit(state, scratch);
    sl_own_commit(state, scratch);
    for (uint32_t l = 0; l < SL_N_LAYERS; l++) {
        state->events[l] += scratch->new_events[l];
        state->live_inputs[l] += scratch->new_live[l];
    }
    state->time_steps++;
}

/* As after a step without a label: what it left, and the front end's. */
SL_FOLD void sl_time_pass(sl_state_t *state, const sl_scratch_t *scratch) {
    sl_front_end_commit(state, scratch);
    sl_time_commit(state, scratch);
}

/* Forget what came before: the next step is the first of a recording. */
SL_INLINE void sl_time_reset(sl_state_t *state) {
    sl_events_reset(state);
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        state->input_trace[i] = 0;
    }
    for (uint32_t e = 0; e < SL_N_HIDDEN_UNITS * S; e++) {
        state->membrane_reset[e] = 0;
        state->output_trace[e] = 0;
    }
    sl_charges_reset(state);
    sl_own_reset(state);
}
