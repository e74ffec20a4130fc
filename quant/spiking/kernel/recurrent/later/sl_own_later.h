/* Recurrent connections of hidden layers behind the first: their spikes, and a trace of each. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_own_brings.h"
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
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t at = sl_own_before(index) * S;
    int16_t *hidden = scratch->hidden + to + sl_layers[index - 1].columns * lanes;
    const uint32_t own = index + 1 < SL_N_LAYERS ? layer->columns : 0;
    const int32_t one = (int32_t)sl_own_brings(index) << SL_INPUT_SHIFT;
    uint32_t events = 0, live = 0;
    for (uint32_t j = 0; j < own; j++) {
        for (uint32_t s = 0; s < lanes; s++) {
            int32_t fired = 0, x = 0;
            if (s < draws) {
                const uint32_t e = at + j * S + s;
                fired = state->own_spikes[sl_layers[0].columns + e];
                const int32_t trace = sl_decay(state->own_trace[e], sl_leaks[index]) + fired * one;
                const int32_t kept = sl_min32(trace, SL_TRACE_MAX);
                scratch->new_own_trace[e] = (int16_t)kept;
                x = kept >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
                events += (uint32_t)fired;
                live += x != 0;
            }
            *hidden++ = (int16_t)(sl_charged(index) ? fired << SL_ARRIVING_FRAC_BITS : x);
        }
    }
    scratch->new_events[index] += events;
    scratch->new_live[index] += live;
}

/* The trace of a later layer's input i in a draw; trace: of the layer below. */
static inline int32_t sl_own_recalled(uint32_t index, uint32_t i, uint32_t draw,
                                      const int16_t *trace, const sl_scratch_t *scratch) {
    const uint32_t below = sl_layers[index - 1].columns;
    return i < below ? trace[i * S + draw]
                     : scratch->new_own_trace[(sl_own_before(index) + i - below) * S + draw];
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
