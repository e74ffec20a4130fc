/* MESU in float32, the forward pass of a layer: the equations of streamlearn/rules/mesu, equation
 * for equation. Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv
 * 1506.02557. */
#pragma once

#include "sl_rule.h"
#include "sl_step.h"
#include "sl_tiles.h"

SL_INLINE void sl_mesu_product_first_f32(const sl_layer_t *layer, const sl_state_t *state,
                                         const sl_scratch_t *scratch, float *mean, float *power) {
    const sl_product_t product = {.mu = state->mu + layer->synapse,
                                  .sigma = state->sigma + layer->synapse,
                                  .scratch = scratch};
    sl_sum_units(layer, &product, 0, mean, power);
}

SL_INLINE void sl_mesu_product_later_f32(const sl_layer_t *layer, const sl_state_t *state,
                                         const float *x, float *mean, float *power) {
    const sl_product_t product = {
        .mu = state->mu + layer->synapse, .sigma = state->sigma + layer->synapse, .x = x};
    sl_sum_units(layer, &product, 1, mean, power);
}

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    float *a = scratch->block_a, *power = scratch->block_b, *mean = scratch->block_r;
    if (index == 0) {
        sl_mesu_product_first_f32(layer, state, scratch, mean, power);
    } else {
        sl_mesu_product_later_f32(layer, state, x, mean, power);
    }
    const float *epsilon = scratch->epsilon + layer->unit * L;
    const uint32_t draws = index == 0 ? 1 : S, lanes = index == 0 ? 1 : L;
    float widest = 0;
    for (uint32_t j = 0; SL_ADAPTIVE && j < layer->columns; j++) {
        for (uint32_t s = 0; s < draws; s++) {
            widest = power[j * lanes + s] > widest ? power[j * lanes + s] : widest;
        }
    }
    sl_step_widest(&scratch->step, index, __builtin_sqrtf(widest));
    if (index == 0) {
        for (uint32_t j = 0; j < layer->columns; j++) {
            const float centre = mean[j], spread = __builtin_sqrtf(power[j]);
            scratch->inverse_first[j] = spread > 0 ? 1.0f / spread : 0.0f;
            for (uint32_t s = 0; s < L; s++) {
                a[j * L + s] = centre + spread * epsilon[j * L + s];
            }
        }
    } else {
        float *inverse = scratch->inverse + layer->later * L;
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            const float spread = __builtin_sqrtf(power[e]);
            inverse[e] = spread > 0 ? 1.0f / spread : 0.0f;
            a[e] = mean[e] + spread * epsilon[e];
        }
    }
}
