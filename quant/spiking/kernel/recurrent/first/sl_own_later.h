/* There is one hidden layer: none behind it has recurrent connections. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_rule.h"

static inline uint32_t sl_own_before(uint32_t index) {
    (void)index;
    return 0;
}

SL_FOLD void sl_own_join(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                         const sl_state_t *state, sl_scratch_t *scratch) {
    (void)index;
    (void)draws;
    (void)lanes;
    (void)to;
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_own_recall(uint32_t index, uint32_t to, sl_scratch_t *scratch) {
    (void)index;
    (void)to;
    (void)scratch;
}

SL_FOLD void sl_own_commit_later(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_own_reset_later(sl_state_t *state) {
    (void)state;
}
