/* What a hidden layer in float32 hands on: traces of spikes; the equations of
 * streamlearn/spiking.py. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_float.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_trace.h"

#define SL_THRESHOLD 1.0f
/* The derivative of a spike: at the threshold, and what it loses with the distance. */
#define SL_GATE_MAX   0.5f
#define SL_GATE_SLOPE 0.25f

/* Where a hidden layer's membranes lie in state and scratch, and what a step leaves of them. */
typedef struct {
    const float *reset, *output;
    float *new_reset, *new_output;
    float keep, keep_output;
    uint32_t arriving, events, live;
} sl_membranes_t;

/* Membrane `at` of a pre-activation: it leaks, is reset, and fires. Sets the derivative, and
 * returns what it hands on; NaN of a pre-activation that is not finite, for a spike hides it. */
SL_FOLD float sl_fire_float(sl_membranes_t *of, uint32_t at, float a, float *gate) {
    const float left = sl_leak(of->reset[at], of->keep, SL_TRACE_END);
    const float u = a - left, spike = u >= SL_THRESHOLD ? 1.0f : 0.0f;
    const float reset = left + spike;
    const float sum = sl_leak(of->output[at], of->keep_output, SL_TRACE_END) + spike;
    const float trace = sum < SL_TRACE_MAX ? sum : SL_TRACE_MAX;
    const float slope = SL_GATE_MAX - SL_GATE_SLOPE * __builtin_fabsf(u - SL_THRESHOLD);
    of->new_reset[at] = reset < SL_TRACE_MAX ? reset : SL_TRACE_MAX;
    of->new_output[at] = trace;
    of->events += spike > 0;
    of->live += trace > 0;
    *gate = slope > 0 ? slope : 0.0f;
    return (of->arriving ? spike : trace) + (u - u);
}

/* A hidden layer's membranes are reset, and fire. block_a has its pre-activations, [unit][lane], of
 * which the first lanes are draws. Writes the next layer's inputs, spikes where they charge it,
 * else their traces, and the spikes' derivatives, from `to` on. */
SL_INLINE void sl_activate(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                           const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t next = index + 1 == SL_N_LAYERS ? index : index + 1, at = layer->unit * S;
    sl_membranes_t of = {.reset = state->membrane_reset + at,
                         .output = state->output_trace + at,
                         .new_reset = scratch->new_reset + at,
                         .new_output = scratch->new_output + at,
                         .keep = sl_keep(index),
                         .keep_output = sl_keep(next),
                         .arriving = sl_charged(next)};
    const float *a = scratch->block_a;
    float *hidden = scratch->hidden + to, *gate = scratch->gate + to;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < lanes; s++, a++, hidden++, gate++) {
            if (s < draws) {
                *hidden = sl_fire_float(&of, j * S + s, *a, gate);
            } else { /* a lane without a draw */
                *hidden = 0;
                *gate = 0;
            }
        }
    }
    scratch->new_events[next] = of.events;
    scratch->new_live[next] = of.live;
}
