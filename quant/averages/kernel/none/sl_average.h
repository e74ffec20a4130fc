/* No averaged weights: every step reads what is learned. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

#define SL_MEANS(state, scratch) ((void)(scratch), (state)->mu)

SL_FOLD void sl_average_show(sl_scratch_t *scratch, uint32_t shown) {
    (void)scratch;
    (void)shown;
}

SL_FOLD void sl_average_follow(sl_state_t *state) {
    (void)state;
}
