/* Averaged weights in float32: the equation of streamlearn/averages.py. */
#pragma once

#include <stdint.h>

#include "sl_average_rows.h"

/* Some rows of the average follow mu. */
SL_INLINE void sl_average_follow(sl_state_t *state) {
    const float share = 1.0f / (float)(1u << sl_average_shift(state));
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        for (uint32_t i = sl_average_first(layer, state); i < layer->rows; i += SL_AVERAGE_ROWS) {
            const uint32_t at = layer->synapse + i * layer->columns;
            const float *mu = state->mu + at;
            float *average = state->average + at;
            for (uint32_t j = 0; j < layer->columns; j++) {
                average[j] += (mu[j] - average[j]) * share;
            }
        }
    }
}
