/* Recurrent connections of hidden layers behind the first: their spikes, and a trace of each. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_lanes.h"
#include "sl_own_brings.h"
#include "sl_own_numbers.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* Own units of the hidden layers behind the first that are before a layer. */
static inline uint32_t sl_own_before(uint32_t index) {
    return index == 0 ? 0 : sl_layers[index].unit - sl_layers[0].columns;
}

/* Spikes of a later hidden layer arrive at it, and at their traces. They become inputs where they
 * charge it; else the traces do. to: its first input in scratch.hidden, [row][lane]. */
SL_FOLD void sl_own_join(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                         const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t at = sl_own_before(index) * S;
    sl_passed_t *hidden = scratch->hidden + to + sl_layers[index - 1].columns * lanes;
    const uint32_t own = sl_own_rows(index);
    uint32_t events = 0, live = 0;
    for (uint32_t j = 0; j < own; j++) {
        for (uint32_t s = 0; s < lanes; s++) {
            sl_passed_t spike = 0, x = 0;
            if (s < draws) {
                const uint32_t e = at + j * S + s;
                const sl_own_t fired = state->own_spikes[sl_layers[0].columns + e];
                const sl_trace_t trace = sl_own_trace(state->own_trace[e], fired, index);
                scratch->new_own_trace[e] = trace;
                spike = sl_own_spike(fired);
                x = sl_own_passed(trace);
                events += fired != 0;
                live += x != 0;
            }
            *hidden++ = sl_charged(index) ? spike : x;
        }
    }
    scratch->new_events[index] += events;
    scratch->new_live[index] += live;
}

/* What learning takes for the inputs that are a charged layer's own units: their traces. */
SL_FOLD void sl_own_recall(uint32_t index, uint32_t to, sl_scratch_t *scratch) {
    const sl_trace_t *trace = scratch->new_own_trace + sl_own_before(index) * S;
    sl_passed_t *hidden = scratch->hidden + to + sl_layers[index - 1].columns * L;
    for (uint32_t j = 0; j < sl_own_rows(index); j++) {
        for (uint32_t s = 0; s < L; s++) {
            *hidden++ = s < S ? sl_own_passed(*trace++) : 0;
        }
    }
}

SL_FOLD void sl_own_commit_later(sl_state_t *state, const sl_scratch_t *scratch) {
    for (uint32_t e = 0; e < SL_N_OWN_TRACES; e++) {
        state->own_trace[e] = scratch->new_own_trace[e];
    }
}

SL_FOLD void sl_own_reset_later(sl_state_t *state) {
    for (uint32_t e = 0; e < SL_N_OWN_TRACES; e++) {
        state->own_trace[e] = 0;
    }
}
