/* Which blocks of hidden units have the largest scores. Golden model: the rule's gates.py. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

#define SL_GATE_WORDS ((SL_N_BLOCKS + 31) / 32) /* of gates, a feature */

SL_STATIC_ASSERT((SL_GATE_WORDS * SL_N_INPUTS) >> 24 == 0, "a word's index has 24 bits");
SL_STATIC_ASSERT(SL_N_ACTIVE >= 1 && SL_N_ACTIVE <= SL_N_BLOCKS, "some blocks are active");

/* From scratch.score to scratch.active. The strongest in order, each new one behind its equals:
 * those of lower index win. */
static inline void sl_metaplastic_activate(sl_scratch_t *scratch) {
    uint32_t n = 0;
    for (uint32_t e = 0; e < SL_N_BLOCKS; e++) {
        scratch->active[e] = 0;
        if (n == SL_N_ACTIVE && scratch->score[e] <= scratch->score[scratch->strongest[n - 1]]) {
            continue;
        }
        uint32_t at = n < SL_N_ACTIVE ? n++ : n - 1;
        for (; at > 0 && scratch->score[scratch->strongest[at - 1]] < scratch->score[e]; at--) {
            scratch->strongest[at] = scratch->strongest[at - 1];
        }
        scratch->strongest[at] = (uint16_t)e;
    }
    for (uint32_t a = 0; a < SL_N_ACTIVE; a++) {
        scratch->active[scratch->strongest[a]] = 1;
    }
}
