/* What a hidden layer in integers hands on: traces of spikes. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
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

/* Where a hidden layer's membranes lie in state and scratch, and what they leak by. */
typedef struct {
    const int16_t *reset, *output;
    int16_t *new_reset, *new_output;
    uint32_t k, k_output, arriving, events, live;
} sl_membranes_t;

/* What the surrogate derivative of a spike is at a membrane so far from the threshold. */
static inline uint8_t sl_slope(uint32_t apart) {
    return (uint8_t)(apart >> SL_GATE_SHIFT < SL_GATE_MAX ? SL_GATE_MAX - (apart >> SL_GATE_SHIFT)
                                                          : 0);
}

/* Membrane `at` of a pre-activation: it leaks, is reset, and fires. Sets the derivative, and
 * returns what it hands on. */
SL_FOLD int32_t sl_fire_one(sl_membranes_t *of, uint32_t at, int32_t a, uint8_t *gate) {
    const int32_t left = sl_decay(of->reset[at], of->k);
    const int32_t u = a - left * (1 << SL_MEMBRANE_SHIFT), spike = u >= SL_THRESHOLD;
    const int32_t one = spike << SL_TRACE_FRAC_BITS;
    const int32_t trace = sl_decay(of->output[at], of->k_output) + one;
    const int32_t kept = sl_min32(trace, SL_TRACE_MAX);
    const int32_t value = kept >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
    of->new_reset[at] = (int16_t)sl_min32(left + one, SL_TRACE_MAX);
    of->new_output[at] = (int16_t)kept;
    of->events += (uint32_t)spike;
    of->live += value != 0;
    *gate = sl_slope(sl_abs32(u - SL_THRESHOLD));
    return of->arriving ? spike << SL_ARRIVING_FRAC_BITS : value;
}

/* A hidden layer's membranes are reset, and fire. block_a has its pre-activations, [unit][lane], of
 * which the first lanes are draws. Writes the next layer's inputs, spikes where they charge it,
 * else their traces, and the spikes' derivatives, from `to` on. Returns the inputs' fraction bits.
 */
SL_INLINE int32_t sl_activate(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                              const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t next = index + 1 == SL_N_LAYERS ? index : index + 1, at = layer->unit * S;
    sl_membranes_t of = {state->membrane_reset + at,
                         state->output_trace + at,
                         scratch->new_reset + at,
                         scratch->new_output + at,
                         sl_leaks[index],
                         sl_leaks[next],
                         sl_charged(next),
                         0,
                         0};
    const int16_t *reset = of.reset, *output = of.output;
    int16_t *hidden = scratch->hidden + to;
    uint8_t *gate = scratch->gate + to;
    const int32_t *a = scratch->block_a;
    for (uint32_t e = 0; e < layer->columns * S; e++) {
        of.new_reset[e] = 0;
        of.new_output[e] = 0;
    }
    for (uint32_t j = 0; j < layer->columns; j++, reset += S - draws, output += S - draws) {
        for (uint32_t s = 0; s < draws; s++, reset++, output++, gate++, hidden++) {
            const int32_t u = *a++;
            if ((*reset | *output) == 0 && u < SL_THRESHOLD) { /* at rest: most of them are */
                *gate = sl_slope((uint32_t)(SL_THRESHOLD - u));
                *hidden = 0;
            } else {
                *hidden = (int16_t)sl_fire_one(&of, j * S + s, u, gate);
            }
        }
        for (uint32_t s = draws; s < lanes; s++) {
            *hidden++ = 0;
            *gate++ = 0;
            a++;
        }
    }
    scratch->new_events[next] = of.events;
    scratch->new_live[next] = of.live;
    return of.arriving ? SL_ARRIVING_FRAC_BITS : SL_OUTPUT_FRAC_BITS;
}
