/* The Gaussian head in integers. */
#pragma once

#include "sl_gaussian.h"

/* The new statistics become the state's. */
SL_FOLD void sl_head_commit(sl_state_t *state, const sl_scratch_t *scratch, uint32_t target) {
    (void)target;
    state->target_count = scratch->new_target_count;
    state->target_mean = scratch->new_target_mean;
    state->target_variance = scratch->new_target_variance;
    state->target_exponent = scratch->new_target_exponent;
}
