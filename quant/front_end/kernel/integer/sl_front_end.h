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
        state->mean[i] = scratch->new_mean[i];
        state->variance[i] = scratch->new_variance[i];
        state->exponent[i] = scratch->new_exponent[i];
    }
#endif
    state->front_end_count = scratch->new_count;
}
