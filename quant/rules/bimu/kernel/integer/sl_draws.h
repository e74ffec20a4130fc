/* What the host reads of a forward pass; firmware does not. */
#pragma once

#include "sl_rule.h"

/* An output's mean over the draws. */
static inline double sl_mean_output(const sl_scratch_t *scratch, uint32_t output) {
    return (double)scratch->logit_sum[output] / (SL_LOGIT_UNIT * SL_N_DRAWS);
}

/* An output in one draw. Learning leaves other things in its place. */
static inline double sl_drawn_output(const sl_scratch_t *scratch, uint32_t output, uint32_t draw) {
    return (double)scratch->logits[output * L + draw] / SL_LOGIT_UNIT;
}
