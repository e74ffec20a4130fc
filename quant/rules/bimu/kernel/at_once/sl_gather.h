/* Every row steps at each sample. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

enum { SL_GATHERS = 0 };

SL_INLINE void sl_gather_learn(uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    (void)key;
    (void)state;
    (void)scratch;
}
