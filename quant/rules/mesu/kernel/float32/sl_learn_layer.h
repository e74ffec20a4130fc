/* MESU in float32, the backward pass and the update of a layer: the equations of
 * streamlearn/rules/mesu, equation for equation. Bonnet et al., arXiv 2504.13569. */
#pragma once

#include "sl_build.h"
#include "sl_float.h"
#include "sl_rows.h"
#include "sl_rule.h"
#include "sl_step.h"

/* Gradient by the layer's inputs, masked by their ReLU. */
SL_INLINE void sl_mesu_backward_inputs_f32(uint32_t index, const sl_state_t *state,
                                           sl_scratch_t *scratch, const float *delta,
                                           const float *r, float *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = scratch->hidden + layer->hidden * L;
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, sigma += layer->columns) {
        float through_mean[L] = {0}, through_spread[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const float m = mu[j], v = sigma[j] * sigma[j];
            for (uint32_t s = 0; s < L; s++) {
                through_mean[s] += m * delta[j * L + s];
                through_spread[s] += v * r[j * L + s];
            }
        }
        for (uint32_t s = 0; s < L; s++) {
            const float h = x[i * L + s];
            below[i * L + s] = h > 0 ? through_mean[s] + h * through_spread[s] : 0.0f;
        }
    }
}

/* The gradient's step on one row: w = x g and y = square q, q with the 1/2 of the rule for sigma.
 */
SL_INLINE void sl_mesu_update_row_f32(float *restrict mu, float *restrict sigma, float x,
                                      const float *restrict g, float square,
                                      const float *restrict q, uint32_t n) {
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        float v = sigma[j] * sigma[j];
        mu[j] -= v * (x * g[j]);
        sigma[j] += sigma[j] * sl_clamp(-v * (square * q[j]), -0.25f, 0.5f);
    }
}

static void sl_mesu_pull_row_f32(float *mu, float *sigma, const sl_layer_t *layer,
                                 const sl_step_t *step) {
    const float pull = SL_SWEEP_OVER_WINDOW / layer->prior_variance;
    const float strength = pull * sl_step_hurry(step), by_mu = pull * sl_step_pull(step);
    for (uint32_t j = 0; j < layer->columns; j++) {
        float v = sigma[j] * sigma[j];
        const float share = SL_LR_MU * by_mu * v;
        mu[j] += (share < 1.0f ? share : 1.0f) * (layer->mu_prior - mu[j]);
        sigma[j] += 0.5f * SL_LR_SIGMA * strength * sigma[j] * (layer->prior_variance - v);
    }
}

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y; g and q are
 * [lane][unit]. */
SL_INLINE void sl_mesu_row_gradient_f32(const float *x, uint32_t columns, const float *g,
                                        const float *q, float *restrict row_w,
                                        float *restrict row_y) {
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        float sum_w = 0, sum_y = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum_w += x[s] * g[s * columns + j];
            sum_y += x[s] * x[s] * q[s * columns + j];
        }
        row_w[j] = sum_w;
        row_y[j] = sum_y;
    }
}

SL_INLINE void sl_mesu_update_layer_f32(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                                        const float *delta, const float *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    float *g = scratch->block_c, *q = scratch->block_d;
    /* What a sample says of sigma is counted once. */
    const float gain_sigma = SL_REPLAYING(state) ? 0.0f : 0.5f * SL_LR_SIGMA / SL_N_DRAWS;
    const float rate = sl_step_rate(&scratch->step, index) / SL_N_DRAWS;
    for (uint32_t j = 0; j < columns; j++) {
        float sum_delta = 0, sum_r = 0;
        for (uint32_t s = 0; s < S; s++) {
            float d = delta[j * L + s] * rate;
            float half = r[j * L + s] * gain_sigma;
            sum_delta += d;
            sum_r += half;
            if (index != 0) {
                g[s * columns + j] = d;
                q[s * columns + j] = half;
            }
        }
        if (index == 0) {
            g[j] = sum_delta;
            q[j] = sum_r;
        }
    }
    float *mu = state->mu + layer->synapse, *sigma = state->sigma + layer->synapse;
    const uint32_t rows = index == 0 ? scratch->n_active : layer->rows;
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = index == 0 ? scratch->active[a] : a, start = i * columns;
        if (index == 0) {
            sl_mesu_update_row_f32(mu + start, sigma + start, x[i], g, x[i] * x[i], q, columns);
        } else {
            sl_mesu_row_gradient_f32(&x[i * L], columns, g, q, scratch->row_w, scratch->row_y);
            sl_mesu_update_row_f32(mu + start, sigma + start, 1.0f, scratch->row_w, 1.0f,
                                   scratch->row_y, columns);
        }
    }
    uint32_t i = sl_first_pulled(layer, state);
    for (; i < layer->rows; i += SL_SWEEP) {
        sl_mesu_pull_row_f32(mu + i * columns, sigma + i * columns, layer, &scratch->step);
    }
}

SL_FOLD void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                            float *delta, float *below) {
    (void)key; /* floats are not rounded by dither */
    const sl_layer_t *layer = &sl_layers[index];
    float *r = scratch->block_r;
    const float *epsilon = scratch->epsilon + layer->unit * L;
    const float *inverse =
        index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
    const uint32_t per_inverse = index == 0 ? L : 1;
    for (uint32_t e = 0; e < layer->columns * L; e++) {
        r[e] = delta[e] * epsilon[e] * inverse[e / per_inverse];
    }
    if (index > 0) {
        sl_mesu_backward_inputs_f32(index, state, scratch, delta, r, below);
    }
    sl_mesu_update_layer_f32(index, state, scratch, delta, r);
}
