/* There is one hidden layer: none behind it has recurrent connections. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_trace.h"

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

static inline int32_t sl_own_recalled(uint32_t index, uint32_t i, uint32_t draw,
                                      const int16_t *trace, const sl_scratch_t *scratch) {
    (void)index;
    (void)scratch;
    return trace[i * S + draw];
}

SL_FOLD void sl_own_commit_later(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_own_reset_later(sl_state_t *state) {
    (void)state;
}
