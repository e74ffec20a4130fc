/* A layer's pre-activations with the mean weights alone: nothing is drawn, so one input is enough.
 */
#pragma once

#include "sl_average.h"
#include "sl_build.h"
#include "sl_rule.h"

/* Into block_a, [unit]. */
SL_INLINE void sl_mean_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = index == 0 ? scratch->input : scratch->hidden;
    const float *restrict mu = SL_MEANS(state, scratch) + layer->synapse;
    float *restrict a = scratch->block_a;
    for (uint32_t j = 0; j < layer->columns; j++) {
        a[j] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns) {
        const float input = x[i];
        for (uint32_t j = 0; input != 0 && j < layer->columns; j++) {
            a[j] += input * mu[j];
        }
    }
}
