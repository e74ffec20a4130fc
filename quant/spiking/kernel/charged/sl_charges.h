/* Charges of membranes become the state's when a step has passed. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_copy.h"
#include "sl_rule.h"

SL_FOLD void sl_charges_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    if (SL_CHARGED) {
        sl_copy(state->charge_mean, scratch->new_mean, SL_N_CHARGES * sizeof(sl_charge_t));
        sl_copy(state->charge_variance, scratch->new_variance, SL_N_CHARGES * sizeof(sl_charge_t));
    }
}

SL_FOLD void sl_charges_reset(sl_state_t *state) {
    for (uint32_t e = 0; SL_CHARGED && e < SL_N_CHARGES; e++) {
        state->charge_mean[e] = 0;
        state->charge_variance[e] = 0;
    }
}
