/* Membranes of hidden layers as charges: the rows of what arrives in a step are added to a mean and
 * a variance that leak, so that a charge keeps the weights of then. Golden model:
 * quant/spiking/golden.py, function for function. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_inverse.h"
#include "sl_lanes.h"
#include "sl_pre_activation.h"
#include "sl_recurrence.h"
#include "sl_root.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum { SL_SPIKES = 1, SL_VARIANCE_FRAC_BITS = 20 };

/* A layer's first charge. */
static inline uint32_t sl_charge_place(uint32_t index) {
    return index == 0 ? 0 : SL_FIRST_UNITS + sl_layers[index].later * S;
}

/* What a layer's bias has for an input: a current of 2^-k, which adds up to 1; where the format
 * holds no such fraction, its least one in every so manieth step. */
static inline int32_t sl_bias_input(uint32_t index, int32_t frac_bits, const sl_state_t *state) {
    const int32_t low = (int32_t)sl_leaks[index] - frac_bits;
    if (!sl_charged(index)) {
        return 1 << frac_bits;
    }
    return low <= 0 ? 1 << -low : (state->time_steps & ((1u << low) - 1)) == 0;
}

/* A charge's mean after `sum` has arrived, Q15.16. */
static inline int32_t sl_charge_mean(int32_t was, uint32_t k, int32_t sum, uint32_t *count) {
    return sl_clamp_count(sl_decay(was, k) + sum, SL_PRE_ACTIVATION_MAX, count);
}

/* A charge's variance after `sum` has arrived, Q11.20. */
static inline int32_t sl_charge_variance(int32_t was, uint32_t k, int32_t sum, uint32_t *count) {
    const uint32_t variance = (uint32_t)sl_decay(sl_decay(was, k), k) + (uint32_t)sum;
    *count += variance >> 31;
    return variance >> 31 ? INT32_MAX : (int32_t)variance;
}

/* A power as a variance. */
static inline int32_t sl_variance_of(uint32_t power, int32_t right) {
    if (right >= 0) {
        return (int32_t)(power >> sl_min32(right, 31));
    }
    const int32_t left = sl_min32(-right, 31);
    return power > (uint32_t)INT32_MAX >> left ? INT32_MAX : (int32_t)(power << left);
}

/* Its root, of 16 significant bits, Q.12. */
static inline int32_t sl_charge_deviation(int32_t variance) {
    const int32_t up = (32 - sl_bit_length((uint32_t)variance)) >> 1;
    if (variance == 0) {
        return 0;
    }
    const uint32_t root = sl_root_normal((uint32_t)variance << 2 * up);
    return (int32_t)(up > 2 ? root >> (up - 2) : root << (2 - up));
}

/* n charges of a hidden layer, units or draws of units: from sums to means (in place), and from
 * powers to deviations, .12. */
SL_INLINE void sl_charge(uint32_t index, uint32_t n, int32_t *mean, uint32_t *power,
                         int32_t right_mean, int32_t right_variance, const sl_state_t *state,
                         sl_scratch_t *scratch) {
    const uint32_t at = sl_charge_place(index), lanes = index == 0 ? 1 : L, k = sl_leaks[index];
    const int32_t *was = state->charge_mean + at, *was_variance = state->charge_variance + at;
    int32_t *means = scratch->new_mean + at, *variances = scratch->new_variance + at;
    uint32_t clamped = 0;
    for (uint32_t e = 0, s = 0; e < n; e++) {
        if (s < S) {
            const int32_t sum = sl_centre(mean[e], right_mean, &clamped);
            *means = sl_charge_mean(*was++, k, sum, &clamped);
            *variances = sl_charge_variance(*was_variance++, k,
                                            sl_variance_of(power[e], right_variance), &clamped);
            mean[e] = *means++;
            power[e] = (uint32_t)sl_charge_deviation(*variances++);
        } else { /* a lane without a draw */
            mean[e] = 0;
            power[e] = 0;
        }
        s = s + 1 == lanes ? 0 : s + 1;
    }
    scratch->saturations[SL_SAT_ACTIVATION] += clamped;
}

/* The same of the mean weights: [unit], in place. */
SL_INLINE void sl_charge_means(uint32_t index, int32_t *a, const sl_state_t *state,
                               sl_scratch_t *scratch) {
    const uint32_t apart = index == 0 ? 1 : S;
    const int32_t *was = state->charge_mean + sl_charge_place(index);
    for (uint32_t j = 0; sl_charged(index) && j < sl_layers[index].columns; j++, was += apart) {
        a[j] =
            sl_charge_mean(*was, sl_leaks[index], a[j], &scratch->saturations[SL_SAT_ACTIVATION]);
    }
}

/* What learning takes for a charged layer's inputs: their traces. */
SL_INLINE void sl_charge_recall(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    if (index == 0) {
        for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
            const int32_t trace = scratch->new_input_trace[i];
            const int32_t size = (int32_t)(sl_abs32(trace) >> SL_INPUT_SHIFT);
            scratch->input[i] = (sl_input_t)(trace < 0 ? -size : size);
        }
        scratch->input[SL_N_INPUTS] = SL_BIAS << SL_INPUT_FRAC_BITS;
        return;
    }
    int16_t *hidden = scratch->hidden + layer->hidden * L;
    const int16_t *trace = scratch->new_output + sl_layers[index - 1].unit * S;
    const uint32_t own = sl_own_rows(index);
    for (uint32_t i = 0; i < layer->rows - own; i++) {
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t bias = i == layer->fan_in, row = bias ? i + own : i;
            int32_t x = 0;
            if (s < S) {
                x = bias ? 1 << SL_OUTPUT_FRAC_BITS
                         : trace[i * S + s] >> (SL_TRACE_FRAC_BITS - SL_OUTPUT_FRAC_BITS);
            }
            hidden[row * L + s] = (int16_t)x;
        }
    }
    sl_own_recall(index, layer->hidden * L, scratch);
    scratch->frac_bits[index] = SL_OUTPUT_FRAC_BITS;
}
