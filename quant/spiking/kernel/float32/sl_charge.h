/* Membranes of hidden layers as charges, in float32: the equations of streamlearn/spiking.py. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_lanes.h"
#include "sl_recurrence.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* A charge's mean ends where a trace does, and its variance at the square. */
#define SL_VARIANCE_END (SL_TRACE_END * SL_TRACE_END)

/* A layer's first charge. */
static inline uint32_t sl_charge_place(uint32_t index) {
    return index == 0 ? 0 : SL_FIRST_UNITS + sl_layers[index].later * S;
}

/* What a layer's bias has for an input: a current of 2^-k, which adds up to 1. */
static inline float sl_bias_input(uint32_t index) {
    return sl_charged(index) ? 1.0f - sl_keep(index) : 1.0f;
}

/* The charges of a hidden layer, units or draws of units: from sums to means and variances, in
 * place. */
SL_INLINE void sl_charge(uint32_t index, float *mean, float *power, const sl_state_t *state,
                         sl_scratch_t *scratch) {
    const uint32_t place = sl_charge_place(index);
    const uint32_t draws = index == 0 ? 1 : S, lanes = index == 0 ? 1 : L;
    const float keep = sl_keep(index), square = keep * keep;
    const float *was = state->charge_mean + place, *was_variance = state->charge_variance + place;
    float *means = scratch->new_mean + place, *variances = scratch->new_variance + place;
    for (uint32_t j = 0; j < sl_layers[index].columns; j++) {
        for (uint32_t s = 0; s < draws; s++) {
            const uint32_t from = j * draws + s, to = j * lanes + s;
            means[from] = sl_leak(was[from], keep, SL_TRACE_END) + mean[to];
            variances[from] = sl_leak(was_variance[from], square, SL_VARIANCE_END) + power[to];
            mean[to] = means[from];
            power[to] = variances[from];
        }
    }
}

/* The same of the mean weights: [unit], in place. */
SL_INLINE void sl_charge_means(uint32_t index, float *a, const sl_state_t *state) {
    const uint32_t apart = index == 0 ? 1 : S;
    const float *was = state->charge_mean + sl_charge_place(index);
    for (uint32_t j = 0; j < sl_layers[index].columns; j++, was += apart) {
        a[j] += sl_leak(*was, sl_keep(index), SL_TRACE_END);
    }
}

/* What learning takes for a charged layer's inputs: their traces. */
SL_INLINE void sl_charge_recall(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    if (index == 0) {
        for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
            scratch->input[i] = scratch->new_input_trace[i];
        }
        scratch->input[SL_N_INPUTS] = 1.0f;
        return;
    }
    float *hidden = scratch->hidden + layer->hidden * L;
    const float *trace = scratch->new_output + sl_layers[index - 1].unit * S;
    const uint32_t own = sl_own_rows(index);
    for (uint32_t i = 0; i < layer->rows - own; i++) {
        const uint32_t bias = i == layer->fan_in, row = bias ? i + own : i;
        for (uint32_t s = 0; s < S; s++) {
            hidden[row * L + s] = bias ? 1.0f : trace[i * S + s];
        }
    }
    sl_own_recall(index, layer->hidden * L, scratch);
}
