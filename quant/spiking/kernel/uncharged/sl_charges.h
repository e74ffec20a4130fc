/* Membranes are sums over traces, and keep no charges. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

SL_FOLD void sl_charges_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_charges_reset(sl_state_t *state) {
    (void)state;
}
