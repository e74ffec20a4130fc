/* What the host reads of a forward pass; firmware does not. */
#pragma once

#include "sl_rule.h"

/* A logit; nothing is sampled, so it is its mean. */
static inline double sl_mean_output(const sl_scratch_t *scratch, uint32_t output) {
    return (double)scratch->logit_sum[output];
}

static inline double sl_drawn_output(const sl_scratch_t *scratch, uint32_t output, uint32_t draw) {
    (void)draw;
    return sl_mean_output(scratch, output);
}
