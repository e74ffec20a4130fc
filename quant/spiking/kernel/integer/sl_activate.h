/* What a hidden layer in integers hands on: traces of spikes. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_charge.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum {
    SL_MEMBRANE_SHIFT = 16 - SL_TRACE_FRAC_BITS,
    SL_THRESHOLD = 1 << 16,
    SL_GATE_MAX = 64,
    SL_GATE_SHIFT = 11,
};

/* A hidden layer's membranes are reset, and fire. block_a has its pre-activations, [unit][lane], of
 * which the first lanes are draws. Writes the next layer's inputs, spikes where they charge it,
 * else their traces, and the spikes' derivatives, from `to` on. Returns the inputs' fraction bits.
 */
SL_INLINE int32_t sl_activate(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                              const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t next = index + 1 == SL_N_LAYERS ? index : index + 1;
    const uint32_t k = sl_leaks[index], k_output = sl_leaks[next];
    int16_t *hidden = scratch->hidden + to;
    uint8_t *gate = scratch->gate + to;
    const int32_t *a = scratch->block_a;
    const uint32_t arriving = sl_charged(next);
    uint32_t events = 0, live = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < lanes; s++) {
            const uint32_t e = j * lanes + s, at = (layer->unit + j) * S + s;
            if (s >= draws) {
                hidden[e] = 0;
                gate[e] = 0;
                continue;
            }
            const int32_t left = sl_decay(state->membrane_reset[at], k);
            const int32_t u = a[e] - left * (1 << SL_MEMBRANE_SHIFT), spike = u >= SL_THRESHOLD;
            const int32_t one = spike << SL_TRACE_FRAC_BITS;
            const int32_t trace = sl_decay(state->output_trace[at], k_output) + one;
            const int32_t kept = sl_min32(trace, SL_TRACE_MAX);
            const int32_t value = kept >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
            const uint32_t apart = sl_abs32(u - SL_THRESHOLD) >> SL_GATE_SHIFT;
            scratch->new_reset[at] = (int16_t)sl_min32(left + one, SL_TRACE_MAX);
            scratch->new_output[at] = (int16_t)kept;
            hidden[e] = (int16_t)(arriving ? spike << SL_ARRIVING_FRAC_BITS : value);
            gate[e] = (uint8_t)(apart < SL_GATE_MAX ? SL_GATE_MAX - apart : 0);
            events += (uint32_t)spike;
            live += value != 0;
        }
    }
    scratch->new_events[next] = events;
    scratch->new_live[next] = live;
    return arriving ? SL_ARRIVING_FRAC_BITS : SL_OUTPUT_FRAC_BITS;
}
