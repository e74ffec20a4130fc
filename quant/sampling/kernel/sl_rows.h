/* Which rows of a layer a sample concerns. */
#pragma once

#include "sl_build.h"
#include "sl_replay.h"
#include "sl_rule.h"

/* List the active rows of layer 0: all others have input 0 and cost nothing. A rule that takes them
 * all, several at once, is only told how many there are, or finds out. */
static inline void sl_list_active(sl_scratch_t *scratch) {
    enum { INPUTS = SL_N_INPUTS + SL_BIAS };
    uint32_t n = 0;
    for (uint32_t i = 0; (SL_ON_HOST || SL_COUNTS_ACTIVE) && i < INPUTS; i++) {
        n += scratch->input[i] != 0;
    }
    if (!SL_LISTS_ACTIVE && !SL_COUNTS_ACTIVE) {
        return;
    }
    scratch->n_active = n;
    if (!SL_LISTS_ACTIVE) {
        return;
    }
    if (SL_ON_HOST && n == INPUTS) { /* in vectors */
        for (uint32_t i = 0; i < INPUTS; i++) {
            scratch->active[i] = (uint16_t)i;
        }
        return;
    }
    n = 0;
    for (uint32_t i = 0; i < INPUTS; i++) {
        if (SL_ON_HOST) {
            scratch->active[n] = (uint16_t)i;
            n += scratch->input[i] != 0;
        } else if (scratch->input[i] != 0) { /* a chip does not predict branches */
            scratch->active[n++] = (uint16_t)i;
        }
    }
    scratch->n_active = n;
}

/* The first of a layer's rows, a multiple of SL_SWEEP apart, that the prior pulls this time; none
 * of them in a replay, for a sample is pulled once. */
static inline uint32_t sl_first_pulled(const sl_layer_t *layer, const sl_state_t *state) {
    return SL_REPLAYING(state) ? layer->rows : (0u - layer->first - state->n_samples) % SL_SWEEP;
}

/* Whether a sweep of a layer ends with this sample. */
static inline uint32_t sl_cycle_ends(const sl_layer_t *layer, const sl_state_t *state) {
    return !SL_REPLAYING(state) && (layer->first + state->n_samples) % SL_SWEEP == 0;
}
