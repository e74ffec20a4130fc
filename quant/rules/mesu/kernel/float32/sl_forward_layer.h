/* MESU in float32, the forward pass of a layer: the equations of streamlearn/rules/mesu, equation
 * for equation. Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv
 * 1506.02557. */
#pragma once

#include "sl_average.h"
#include "sl_charge.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_tiles.h"
#include "sl_vector.h"

SL_INLINE void sl_mesu_product_first_f32(const sl_layer_t *layer, const sl_state_t *state,
                                         const sl_scratch_t *scratch, float *mean, float *power) {
    const sl_product_t product = {.mu = SL_MEANS(state, scratch) + layer->synapse,
                                  .sigma = state->sigma + layer->synapse,
                                  .scratch = scratch};
    sl_sum_units(layer, &product, 0, mean, power);
}

SL_INLINE void sl_mesu_product_later_f32(const sl_layer_t *layer, const sl_state_t *state,
                                         const sl_scratch_t *scratch, float *mean, float *power) {
    const sl_product_t product = {.mu = SL_MEANS(state, scratch) + layer->synapse,
                                  .sigma = state->sigma + layer->synapse,
                                  .x = scratch->hidden + layer->hidden * L};
    sl_sum_units(layer, &product, 1, mean, power);
}

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    float *a = scratch->block_a, *power = scratch->block_b, *mean = scratch->block_r;
    if (index == 0 && SL_AHEAD(scratch)) { /* the update before has been here */
        sl_mesu_take_ahead_f32(scratch, &mean, &power);
    } else if (index == 0) {
        sl_mesu_product_first_f32(layer, state, scratch, mean, power);
    } else {
        sl_mesu_product_later_f32(layer, state, scratch, mean, power);
    }
    if (sl_charged(index)) {
        sl_charge(index, mean, power, state, scratch);
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
        float *spread = scratch->row_w, *inverse = scratch->inverse_first;
        for (uint32_t j = 0; j < layer->columns; j += V) {
            const sl_vector_t root = sl_root(sl_load(power + j, V));
            sl_store(spread + j, root, V);
            sl_store(inverse + j, sl_inverse(root), V);
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            for (uint32_t s = 0; s < L; s += V) {
                const sl_vector_t noise = sl_load(epsilon + j * L + s, V);
                sl_store(a + j * L + s,
                         sl_multiply_add(sl_spread(spread[j]), noise, sl_spread(mean[j])), V);
            }
        }
    } else {
        float *inverse = scratch->inverse + layer->later * L;
        for (uint32_t e = 0; e < layer->columns * L; e += V) {
            const sl_vector_t spread = sl_root(sl_load(power + e, V));
            sl_store(inverse + e, sl_inverse(spread), V);
            sl_store(a + e, sl_multiply_add(spread, sl_load(epsilon + e, V), sl_load(mean + e, V)),
                     V);
        }
    }
}
