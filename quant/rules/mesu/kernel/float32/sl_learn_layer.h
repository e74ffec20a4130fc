/* MESU in float32, the backward pass and the update of a layer: the equations of
 * streamlearn/rules/mesu, equation for equation. Bonnet et al., arXiv 2504.13569. */
#pragma once

#include "sl_ahead.h"
#include "sl_build.h"
#include "sl_charge.h"
#include "sl_gate.h"
#include "sl_rows.h"
#include "sl_rule.h"
#include "sl_sigma_end.h"
#include "sl_step.h"
#include "sl_steps.h"
#include "sl_vector.h"

/* Gradient by what made the layer's inputs: through their ReLU, or their spikes. */
SL_INLINE void sl_mesu_backward_inputs_f32(uint32_t index, const sl_state_t *state,
                                           sl_scratch_t *scratch, const float *delta,
                                           const float *r, float *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = scratch->hidden + layer->hidden * L;
    const float *gate = sl_gates(scratch) + layer->hidden * L;
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, sigma += layer->columns) {
        float through_mean[L] = {0}, through_spread[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const sl_vector_t m = sl_spread(mu[j]), v = sl_spread(sigma[j] * sigma[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                const sl_vector_t d = sl_load(delta + j * L + s, V), e = sl_load(r + j * L + s, V);
                float *mean = through_mean + s, *spread = through_spread + s;
                sl_store(mean, sl_multiply_add(m, d, sl_load(mean, V)), V);
                sl_store(spread, sl_multiply_add(v, e, sl_load(spread, V)), V);
            }
        }
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t h = sl_load(x + i * L + s, V);
            const sl_vector_t both =
                sl_multiply_add(h, sl_load(through_spread + s, V), sl_load(through_mean + s, V));
            sl_store(below + i * L + s, sl_gated(both, sl_load(gate + i * L + s, V)), V);
        }
    }
}

/* Whether no sigma of layer 0 meets the end of its step: x^2 sigma^2 is at most the sum of them
 * all, which is the variance of the pre-activation; but not that of a charge. */
SL_FOLD uint32_t sl_mesu_calm_f32(const sl_scratch_t *scratch, uint32_t columns, const float *q) {
    uint32_t wild = sl_charged(0);
    for (uint32_t j = 0; j < columns; j++) {
        const float inverse = scratch->inverse_first[j], most = 0.24f * inverse * inverse;
        wild |= !(q[j] <= most && q[j] >= -most); /* NaN is wild */
    }
    return !wild;
}

/* Layer 0: one input for all draws, and the gradients' sums over them. */
SL_INLINE void sl_mesu_update_first_f32(float *restrict mu, float *restrict sigma,
                                        const sl_layer_t *layer, const sl_scratch_t *scratch,
                                        const float *restrict g, const float *restrict q,
                                        uint32_t calm) {
    const uint32_t columns = layer->columns, whole = columns / V * V;
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const float input = scratch->input[i];
        const sl_vector_t x = sl_spread(input), square = sl_spread(input * input);
        float *mu_row = mu + i * columns, *sigma_row = sigma + i * columns;
        for (uint32_t j = 0; j < whole; j += V) {
            sl_mesu_step_f32(mu_row + j, sigma_row + j, x * sl_load(g + j, V),
                             square * sl_load(q + j, V), calm, V);
        }
        if (whole < columns) {
            sl_mesu_step_f32(mu_row + whole, sigma_row + whole, x * sl_load(g + whole, V),
                             square * sl_load(q + whole, V), calm, columns - whole);
        }
    }
}

/* The sums of a row's x g and x^2 q over the draws, to some units; g and q are [draw][unit]. */
SL_FOLD void sl_mesu_step_later_f32(float *mu, float *sigma, const float *x, const float *g,
                                    const float *q, uint32_t stride, uint32_t n) {
    sl_vector_t w = sl_spread(0), y = sl_spread(0);
    SL_UNROLL_DRAWS
    for (uint32_t s = 0; s < S; s++) {
        w = sl_multiply_add(sl_spread(x[s]), sl_load(g + s * stride, V), w);
        y = sl_multiply_add(sl_spread(x[s] * x[s]), sl_load(q + s * stride, V), y);
    }
    sl_mesu_step_f32(mu, sigma, w, y, 0, n);
}

/* Later layers: one input for each draw. */
SL_INLINE void sl_mesu_update_later_f32(float *restrict mu, float *restrict sigma,
                                        const sl_layer_t *layer, const float *restrict x,
                                        const float *restrict g, const float *restrict q) {
    const uint32_t columns = layer->columns, stride = SL_PADDED(columns), whole = columns / V * V;
    for (uint32_t i = 0; i < layer->rows; i++, x += L, mu += columns, sigma += columns) {
        if (!sl_used(x)) {
            continue;
        }
        for (uint32_t j = 0; j < whole; j += V) {
            sl_mesu_step_later_f32(mu + j, sigma + j, x, g + j, q + j, stride, V);
        }
        if (whole < columns) {
            sl_mesu_step_later_f32(mu + whole, sigma + whole, x, g + whole, q + whole, stride,
                                   columns - whole);
        }
    }
}

SL_INLINE void sl_mesu_update_layer_f32(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                                        const float *delta, const float *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, stride = SL_PADDED(columns);
    float *g = scratch->block_c, *q = scratch->block_d;
    float *mu = state->mu + layer->synapse, *sigma = state->sigma + layer->synapse;
    /* What a sample says of sigma is counted once. */
    const float gain_sigma = SL_REPLAYING(state) ? 0.0f : -0.5f * SL_LR_SIGMA / SL_N_DRAWS;
    const float rate = -sl_step_rate(&scratch->step, index) / SL_N_DRAWS;
    if (index == 0) {
        for (uint32_t j = 0; j < columns; j++) {
            g[j] = sl_sum_draws(delta + j * L) * rate;
            q[j] = sl_sum_draws(r + j * L) * gain_sigma;
        }
        const uint32_t calm = SL_ON_HOST && sl_mesu_calm_f32(scratch, columns, q);
#if SL_LOOKS_AHEAD
        if (scratch->ahead) {
            if (calm) {
                sl_mesu_update_ahead_f32(state, scratch, g, q, 1);
            } else {
                sl_mesu_update_ahead_f32(state, scratch, g, q, 0);
            }
            return;
        }
#endif
        if (calm) {
            sl_mesu_update_first_f32(mu, sigma, layer, scratch, g, q, 1);
        } else {
            sl_mesu_update_first_f32(mu, sigma, layer, scratch, g, q, 0);
        }
    } else {
        for (uint32_t j = 0; j < columns; j++) {
            for (uint32_t s = 0; s < S; s++) {
                g[s * stride + j] = delta[j * L + s] * rate;
                q[s * stride + j] = r[j * L + s] * gain_sigma;
            }
        }
        sl_mesu_update_later_f32(mu, sigma, layer, scratch->hidden + layer->hidden * L, g, q);
    }
    uint32_t i = sl_first_pulled(layer, state);
    for (; i < layer->rows; i += SL_SWEEP) {
        sl_mesu_pull_row_f32(mu + i * columns, sigma + i * columns, layer, &scratch->step, columns);
    }
}

SL_FOLD void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                            float *delta, float *below) {
    (void)key; /* floats are not rounded by dither */
    const sl_layer_t *layer = &sl_layers[index];
    float *r = scratch->block_r;
    if (sl_charged(index)) {
        sl_charge_recall(index, scratch);
        sl_list_active(scratch);
    }
    const float *epsilon = scratch->epsilon + layer->unit * L;
    const float *inverse =
        index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < L; s += V) {
            const uint32_t e = j * L + s;
            const sl_vector_t by = index == 0 ? sl_spread(inverse[j]) : sl_load(inverse + e, V);
            sl_store(r + e, sl_load(delta + e, V) * sl_load(epsilon + e, V) * by, V);
        }
    }
    if (index > 0) {
        sl_mesu_backward_inputs_f32(index, state, scratch, delta, r, below);
    }
    sl_mesu_update_layer_f32(index, state, scratch, delta, r);
    if (SL_IN_TIME) {
        sl_mesu_end_sigma_f32(index, state, scratch);
    }
}
