/* Spiking layers in integers: traces that leak, membranes that fire. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include "sl_build.h"
#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"

enum {
    SL_TRACE_FRAC_BITS = 9,
    SL_TRACE_MAX = (1 << 15) - 1,
    SL_INPUT_SHIFT = SL_TRACE_FRAC_BITS - SL_INPUT_FRAC_BITS,
    SL_INPUT_TRACE_MAX = (1 << (7 + SL_INPUT_SHIFT)) - 1,
    SL_OUTPUT_FRAC_BITS = 8,
    SL_MEMBRANE_SHIFT = 16 - SL_TRACE_FRAC_BITS,
    SL_THRESHOLD = 1 << 16,
    SL_GATE_FRAC_BITS = 7,
    SL_GATE_MAX = 64,
    SL_GATE_SHIFT = 11,
};

static const uint8_t sl_leaks[SL_N_LAYERS] = SL_LEAKS;

/* Takes 2^-k of a trace's size, rounded up: so every trace ends at 0. */
static inline int32_t sl_decay(int32_t trace, uint32_t k) {
    const int32_t size = (int32_t)sl_abs32(trace), left = size - ((size + (1 << k) - 1) >> k);
    return trace < 0 ? -left : left;
}

/* From a value, Q3.4, to a trace: an event counts twice. */
#ifdef SL_DELTA
enum { SL_ARRIVING = SL_INPUT_SHIFT + 1 };
#else
enum { SL_ARRIVING = SL_INPUT_SHIFT };
#endif

#ifdef SL_DELTA

enum { SL_EVENTS_MAX = 4 };

/* Values become events: by how many thresholds each rose, and, behind them, by how many it fell. */
SL_INLINE void sl_spiking_events(const sl_state_t *state, sl_scratch_t *scratch) {
    const int32_t threshold = SL_DELTA << SL_INPUT_SHIFT;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        int32_t reference = state->delta_reference[i];
        if (SL_DELTA_LEAK) {
            reference = sl_decay(reference, SL_DELTA_LEAK);
        }
        const int32_t apart = scratch->input[i] * (1 << SL_INPUT_SHIFT) - reference;
        int32_t left = (int32_t)sl_abs32(apart), n = 0;
        for (; n < SL_EVENTS_MAX && left >= threshold; n++) {
            left -= threshold;
        }
        const int32_t rose = apart > 0 ? n : 0, fell = n - rose;
        scratch->new_reference[i] = (int16_t)(reference + (rose - fell) * threshold);
        scratch->input[i] = (sl_input_t)(rose * (1 << SL_INPUT_FRAC_BITS));
        scratch->input[SL_N_FEATURES + i] = (sl_input_t)(fell * (1 << SL_INPUT_FRAC_BITS));
    }
}

#endif

/* The front end's values arrive at their traces, which become layer 0's inputs. */
SL_INLINE void sl_spiking_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    uint32_t events = 0, live = 0;
#ifdef SL_DELTA
    sl_spiking_events(state, scratch);
#endif
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
        scratch->input[i] = (sl_input_t)(trace < 0 ? -size : size);
    }
    scratch->new_events[0] = events;
    scratch->new_live[0] = live;
}

/* A hidden layer's membranes are reset, and fire. block_a has its pre-activations, [unit][lane], of
 * which the first lanes are draws. Writes the next layer's inputs and the spikes' derivatives, from
 * `to` on, and returns their fraction bits. */
SL_INLINE int32_t sl_spiking_fire(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                                  const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t next = index + 1 == SL_N_LAYERS ? index : index + 1;
    const uint32_t k = sl_leaks[index], k_output = sl_leaks[next];
    int16_t *hidden = scratch->hidden + to;
    uint8_t *gate = scratch->gate + to;
    const int32_t *a = scratch->block_a;
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
            hidden[e] = (int16_t)value;
            gate[e] = (uint8_t)(apart < SL_GATE_MAX ? SL_GATE_MAX - apart : 0);
            events += (uint32_t)spike;
            live += value != 0;
        }
    }
    scratch->new_events[next] = events;
    scratch->new_live[next] = live;
    return SL_OUTPUT_FRAC_BITS;
}

/* A gradient by a trace, and what of it reaches the membrane. */
static inline int32_t sl_spiking_through(int32_t gradient, uint32_t gate) {
    return (gradient * (int32_t)gate + (1 << (SL_GATE_FRAC_BITS - 1))) >> SL_GATE_FRAC_BITS;
}

/* The step has passed: what it left becomes the state's. */
SL_INLINE void sl_spiking_commit(sl_state_t *state, const sl_scratch_t *scratch) {
#ifdef SL_DELTA
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->delta_reference[i] = scratch->new_reference[i];
    }
#endif
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        state->input_trace[i] = scratch->new_input_trace[i];
    }
    for (uint32_t e = 0; e < SL_N_HIDDEN_UNITS * S; e++) {
        state->membrane_reset[e] = scratch->new_reset[e];
        state->output_trace[e] = scratch->new_output[e];
    }
    for (uint32_t l = 0; l < SL_N_LAYERS; l++) {
        state->events[l] += scratch->new_events[l];
        state->live_inputs[l] += scratch->new_live[l];
    }
    state->time_steps++;
}

/* Forget what came before: the next step is the first of a recording. */
SL_INLINE void sl_spiking_reset(sl_state_t *state) {
#ifdef SL_DELTA
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->delta_reference[i] = 0;
    }
#endif
    for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
        state->input_trace[i] = 0;
    }
    for (uint32_t e = 0; e < SL_N_HIDDEN_UNITS * S; e++) {
        state->membrane_reset[e] = 0;
        state->output_trace[e] = 0;
    }
}
