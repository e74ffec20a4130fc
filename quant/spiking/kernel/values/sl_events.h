/* The front end's values arrive as they are. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

SL_FOLD void sl_events_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_events_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_events_reset(sl_state_t *state) {
    (void)state;
}
