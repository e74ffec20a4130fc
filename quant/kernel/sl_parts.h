/* The verbs that every rule implements; exactly one rule is compiled in. */
#pragma once

#include "sl_rule.h"

/* From scratch.input to scratch.logit_sum. Returns the index of the largest output, the lowest of
 * equals, or a negative sl_status_t. */
int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch);

/* One update by a target that the head has checked, from what the forward pass left in the
 * scratch. */
void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target);
