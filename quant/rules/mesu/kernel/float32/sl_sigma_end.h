/* Where sigma ends in a spiking network. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_status.h"
#include "sl_vector.h"

static const float sl_sigma_max[SL_N_LAYERS] = SL_SIGMA_MAX;

/* A charge keeps the sigma of then: a sigma that grows does not make a draw any wider while its
 * trace lasts, and nothing in the gradient holds it. So it ends where the integers' does. */
SL_INLINE void sl_mesu_end_sigma_f32(uint32_t index, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float most = sl_sigma_max[index];
    float *sigma = state->sigma + layer->synapse;
    uint32_t cut = 0;
    for (uint32_t i = 0; i < layer->rows; i++, sigma += layer->columns) {
        const uint32_t live = index == 0 ? scratch->input[i] != 0
                                         : sl_used(scratch->hidden + (layer->hidden + i) * L);
        for (uint32_t j = 0; live && j < layer->columns; j++) {
            cut += sigma[j] > most;
            sigma[j] = sigma[j] > most ? most : sigma[j];
        }
    }
    scratch->saturations[SL_SAT_RHO] += cut;
}
