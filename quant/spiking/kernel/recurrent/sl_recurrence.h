/* Recurrent connections: a hidden layer reads its own units' spikes of the step before, in rows
 * behind those of its inputs. Golden model: quant/spiking/golden.py. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_lanes.h"
#include "sl_own_brings.h"
#include "sl_own_later.h"
#include "sl_own_numbers.h"
#include "sl_rule.h"
#include "sl_trace.h"

/* A layer's first unit in own_spikes: of layer 0 one number for all draws. */
static inline uint32_t sl_own_place(uint32_t index) {
    return index == 0 ? 0 : sl_layers[0].columns + sl_own_before(index) * S;
}

/* Spikes of layer 0 arrive at it, behind its other inputs. */
SL_FOLD void sl_own_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t units = sl_layers[0].columns;
    for (uint32_t j = 0; j < units; j++) {
        scratch->input[SL_N_INPUTS - units + j] = sl_own_input(state->own_spikes[j]);
    }
}

/* Keeps what fired in a hidden layer: of layer 0 the share of the draws, of later ones each. A
 * spike is where a reset's trace is larger than what was left of it. */
SL_FOLD void sl_own_keep(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const sl_trace_t *before = state->membrane_reset + layer->unit * S;
    const sl_trace_t *reset = scratch->new_reset + layer->unit * S;
    sl_own_t *own = scratch->new_own + sl_own_place(index);
    for (uint32_t j = 0; j < layer->columns; j++) {
        uint32_t n = 0;
        for (uint32_t s = 0; s < S; s++, reset++, before++) {
            const uint32_t fired = *reset != 0 && *reset > sl_own_left(*before, index);
            n += fired;
            if (index != 0) {
                *own++ = (sl_own_t)fired;
            }
        }
        if (index == 0) {
            *own++ = sl_own_share(n);
        }
    }
}

SL_FOLD void sl_own_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    for (uint32_t e = 0; e < SL_N_OWN_SPIKES; e++) {
        state->own_spikes[e] = scratch->new_own[e];
    }
    sl_own_commit_later(state, scratch);
}

SL_FOLD void sl_own_reset(sl_state_t *state) {
    for (uint32_t e = 0; e < SL_N_OWN_SPIKES; e++) {
        state->own_spikes[e] = 0;
    }
    sl_own_reset_later(state);
}
