/* Spiking layers: how time passes, of which traces tell. */
#pragma once

#include <stdint.h>

#include "sl_arrive.h"
#include "sl_build.h"
#include "sl_charges.h"
#include "sl_copy.h"
#include "sl_events.h"
#include "sl_front_end.h"
#include "sl_recurrence.h"
#include "sl_rule.h"

/* What the noise of a learning step is drawn by: not every step is learned. */
static inline uint32_t sl_time_counter(const sl_state_t *state) {
    return state->time_steps;
}

/* Says whether the steps to come are learned from. */
SL_FOLD void sl_time_begin(sl_scratch_t *scratch, uint32_t learned) {
    scratch->learned = learned;
}

/* The step has passed: what it left becomes the state's. */
SL_INLINE void sl_time_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    sl_events_commit(state, scratch);
    sl_copy(state->input_trace, scratch->new_input_trace, SL_N_INPUTS * sizeof(sl_trace_t));
    sl_copy(state->membrane_reset, scratch->new_reset, SL_N_HIDDEN_UNITS * S * sizeof(sl_trace_t));
    sl_copy(state->output_trace, scratch->new_output, SL_N_HIDDEN_UNITS * S * sizeof(sl_trace_t));
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
