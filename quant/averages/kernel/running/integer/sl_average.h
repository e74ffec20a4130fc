/* Averaged weights in integers. Golden model: quant/averages/golden.py. */
#pragma once

#include <stdint.h>

#include "sl_average_rows.h"
#include "sl_noise.h"
#include "sl_replay.h"

/* Some rows of the average follow mu, rounded at random: no small difference is lost. */
SL_INLINE void sl_average_follow(sl_state_t *state) {
    const uint32_t key = sl_step_key(state);
    const uint32_t shift = sl_average_shift(state);
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        for (uint32_t i = sl_average_first(layer, state); i < layer->rows; i += SL_AVERAGE_ROWS) {
            const uint32_t at = layer->synapse + i * layer->columns;
            const int16_t *mu = state->mu + at;
            int16_t *average = state->average + at;
            uint32_t word = sl_noise_word(key, SL_STREAM_AVERAGE + index, i);
            for (uint32_t j = 0; j < layer->columns; j++, word += 0x9E3779B9u) {
                const int32_t u = (int32_t)(word >> 16 >> (16 - shift));
                average[j] = (int16_t)(average[j] + ((mu[j] - average[j] + u) >> shift));
            }
        }
    }
}
