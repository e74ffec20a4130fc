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

/* Stands for the pre-activations of a unit that is known not to fire. */
#define SL_QUIET INT32_MIN

/* A hidden layer's index: where there is one, known to the compiler. */
static inline uint32_t sl_hidden_index(uint32_t index) {
    return SL_N_LAYERS == 2 ? 0 : index;
}

/* Where the membranes of a unit lie in state and scratch; what they leak by, and what a layer's
 * have fired. */
typedef struct {
    const int16_t *reset, *output;
    int16_t *new_reset, *new_output, *hidden;
    uint8_t *gate;
    uint32_t k, k_output, arriving, learned, events, live;
} sl_membranes_t;

/* What the surrogate derivative of a spike is at a membrane so far from the threshold. */
static inline uint8_t sl_slope(uint32_t apart) {
    return (uint8_t)(apart >> SL_GATE_SHIFT < SL_GATE_MAX ? SL_GATE_MAX - (apart >> SL_GATE_SHIFT)
                                                          : 0);
}

/* A unit at rest, of which no membrane fires: most of them are. */
SL_FOLD void sl_rest_unit(sl_membranes_t *of, uint32_t draws, const int32_t *a) {
    SL_UNROLL_ALWAYS
    for (uint32_t s = 0; s < draws; s++) {
        of->new_reset[s] = 0;
        of->new_output[s] = 0;
        of->hidden[s] = 0;
    }
    for (uint32_t s = 0; of->learned && s < draws; s++) {
        of->gate[s] = sl_slope((uint32_t)(SL_THRESHOLD - a[s]));
    }
}

/* A unit that is known not to fire, in a step that is not learned from: its traces leak. */
SL_FOLD void sl_leak_unit(sl_membranes_t *of, uint32_t draws) {
    SL_UNROLL_ALWAYS
    for (uint32_t s = 0; s < draws; s++) {
        const uint32_t trace = sl_decay_size((uint32_t)of->output[s], of->k_output);
        const uint32_t value = trace >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
        of->new_reset[s] = (int16_t)sl_decay_size((uint32_t)of->reset[s], of->k);
        of->new_output[s] = (int16_t)trace;
        of->hidden[s] = (int16_t)(of->arriving ? 0 : value);
        of->live += value != 0;
    }
}

/* A unit's membrane of a draw, with its pre-activation: it leaks, is reset, and fires. */
SL_FOLD void sl_fire_membrane(sl_membranes_t *of, uint32_t s, int32_t a) {
    uint32_t left = sl_decay_size((uint32_t)of->reset[s], of->k);
    uint32_t trace = sl_decay_size((uint32_t)of->output[s], of->k_output);
    const int32_t u = a - (int32_t)(left << SL_MEMBRANE_SHIFT), spike = u >= SL_THRESHOLD;
    if (spike) {
        left = (uint32_t)sl_min32((int32_t)left + (1 << SL_TRACE_FRAC_BITS), SL_TRACE_MAX);
        trace = (uint32_t)sl_min32((int32_t)trace + (1 << SL_TRACE_FRAC_BITS), SL_TRACE_MAX);
        of->events++;
    }
    const int32_t value = (int32_t)(trace >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS));
    of->new_reset[s] = (int16_t)left;
    of->new_output[s] = (int16_t)trace;
    of->hidden[s] = (int16_t)(of->arriving ? spike << SL_ARRIVING_FRAC_BITS : value);
    of->live += value != 0;
    if (of->learned) {
        of->gate[s] = sl_slope(sl_abs32(u - SL_THRESHOLD));
    }
}

/* A hidden layer's membranes are reset, and fire. block_a has its pre-activations, [unit][lane], of
 * which the first lanes are draws. Writes the next layer's inputs, spikes where they charge it,
 * else their traces, and the spikes' derivatives, from `to` on. Returns the inputs' fraction bits.
 */
SL_FOLD int32_t sl_activate(uint32_t any_index, uint32_t draws, uint32_t lanes, uint32_t to,
                            const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t index = sl_hidden_index(any_index);
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t next = index + 1 == SL_N_LAYERS ? index : index + 1, at = layer->unit * S;
    sl_membranes_t of = {.reset = state->membrane_reset + at,
                         .output = state->output_trace + at,
                         .new_reset = scratch->new_reset + at,
                         .new_output = scratch->new_output + at,
                         .hidden = scratch->hidden + to,
                         .gate = scratch->gate + to,
                         .k = sl_leaks[index],
                         .k_output = sl_leaks[next],
                         .arriving = sl_charged(next),
                         .learned = SL_LEARNED(scratch)};
    const int32_t *a = scratch->block_a;
    for (uint32_t j = 0; j < layer->columns; j++, a += lanes) {
        uint32_t moved = 0;
        int32_t below = -1;
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < draws; s++) {
            moved |= (uint32_t)(of.reset[s] | of.output[s]);
        }
        if (moved == 0 && a[0] != SL_QUIET) {
            SL_UNROLL_ALWAYS
            for (uint32_t s = 0; s < draws; s++) {
                below &= a[s] - SL_THRESHOLD;
            }
        }
        if (moved == 0 && below < 0) {
            sl_rest_unit(&of, draws, a);
        } else if (a[0] == SL_QUIET) {
            sl_leak_unit(&of, draws);
        } else {
            for (uint32_t s = 0; s < draws; s++) {
                sl_fire_membrane(&of, s, a[s]);
            }
        }
        for (uint32_t s = draws; s < lanes; s++) {
            of.hidden[s] = 0;
            of.gate[s] = 0;
        }
        of.reset += S;
        of.output += S;
        of.new_reset += S;
        of.new_output += S;
        of.hidden += lanes;
        of.gate += lanes;
    }
    scratch->new_events[next] = of.events;
    scratch->new_live[next] = of.live;
    return of.arriving ? SL_ARRIVING_FRAC_BITS : SL_OUTPUT_FRAC_BITS;
}
