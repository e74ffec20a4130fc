/* The gradient of the Gaussian head's loss, which a rule's update starts from. */
#pragma once

#include "sl_rule.h"

/* By the mean and by the log-variance in place of them; of the target in the scratch. */
void sl_gaussian_gradient(sl_scratch_t *scratch, float *outputs);

static inline void sl_head_gradient(sl_scratch_t *scratch, float *outputs, uint32_t target) {
    (void)target; /* is in the scratch, standardised */
    sl_gaussian_gradient(scratch, outputs);
}
