/* The front end in integers: from raw sensor values to inputs of the rule. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

enum {
    SL_INPUT_FRAC_BITS = 4,
    SL_INPUT_MAX = 127,
};

/* Writes scratch.input, Q3.4, and the new statistics. */
void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);

/* The new statistics become the state's. */
SL_FOLD void sl_front_end_commit(sl_state_t *state, const sl_scratch_t *scratch) {
#if SL_STANDARDISE
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const sl_feature_t *at = &scratch->new_feature[i];
        if (!SL_ON_HOST) {
            __asm("" : "+r"(at)); /* else every member has a pointer of its own */
        }
        const sl_feature_t feature = *at;
        state->mean[i] = feature.mean;
        state->variance[i] = feature.variance;
        state->reference[i] = feature.reference;
        state->mean_low[i] = feature.mean_low;
        state->feature_count[i] = feature.count;
        state->exponent[i] = feature.exponent;
        state->streak[i] = feature.memory.streak;
        state->repeats[i] = feature.memory.repeats;
        state->excursions[i] = feature.memory.excursions;
    }
#endif
    state->front_end_count = scratch->new_count;
}
