/* The verbs that every rule implements; exactly one rule is compiled in. */
#pragma once

#include "sl_rule.h"

/* A rule may learn a sample and begin the forward pass of the next one together: its sl_rule.h then
 * has sl_rule_look_ahead and the flag scratch.ahead. */
#ifndef SL_LOOKS_AHEAD
#define SL_LOOKS_AHEAD           0
#define SL_AHEAD(scratch)        ((void)(scratch), 0u)
#define SL_FORGET_AHEAD(scratch) ((void)(scratch))
#endif

/* From scratch.input to scratch.logit_sum. Returns the index of the largest output, the lowest of
 * equals, or a negative sl_status_t. */
int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch);

/* The same with the mean weights, which draws nothing: cheaper, and blind to how sure the weights
 * are. Of a rule that draws nothing it is the same. */
#ifdef SL_RULE_DRAWS
int32_t sl_rule_forward_mean(const sl_state_t *state, sl_scratch_t *scratch);
#else
#define sl_rule_forward_mean sl_rule_forward
#endif

/* One update by a target that the head has checked, from what the forward pass left in the
 * scratch. */
void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target);
