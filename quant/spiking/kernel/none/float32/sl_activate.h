/* What a hidden layer in float32 hands on: ReLU. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

/* From a layer's first `lanes` lanes to scratch.hidden, from `to` on. */
SL_FOLD void sl_activate(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                         const sl_state_t *state, sl_scratch_t *scratch) {
    (void)draws;
    (void)state;
    float *hidden = scratch->hidden + to;
    for (uint32_t e = 0; e < sl_layers[index].columns * lanes; e++) {
        hidden[e] = scratch->block_a[e] < 0 ? 0.0f : scratch->block_a[e] /* NaN passes */;
    }
}
