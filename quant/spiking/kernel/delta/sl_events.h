/* The front end's values arrive as events of change: delta coding. */
#pragma once

#include "sl_build.h"
#include "sl_change.h"
#include "sl_rule.h"

SL_FOLD void sl_events_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    sl_events_count(state, scratch);
}

SL_FOLD void sl_events_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->delta_reference[i] = scratch->new_reference[i];
    }
}

SL_FOLD void sl_events_reset(sl_state_t *state) {
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->delta_reference[i] = 0;
    }
}
