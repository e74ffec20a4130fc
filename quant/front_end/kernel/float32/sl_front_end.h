/* The front end in float32: from raw sensor values to inputs of the rule. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

/* Writes scratch.input and the new statistics. */
void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);

/* The new statistics become the state's. */
SL_FOLD void sl_front_end_commit(sl_state_t *state, const sl_scratch_t *scratch) {
#if SL_STANDARDISE
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const sl_feature_t *feature = &scratch->new_feature[i];
        state->mean[i] = feature->mean;
        state->variance[i] = feature->variance;
        state->reference[i] = feature->reference;
        state->feature_count[i] = feature->count;
        state->streak[i] = feature->memory.streak;
        state->repeats[i] = feature->memory.repeats;
        state->excursions[i] = feature->memory.excursions;
    }
#endif
    state->front_end_count = scratch->new_count;
}
