/* The categorical head: the target is the index of a class. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_status.h"

SL_FOLD int32_t sl_head_check_target(uint32_t target) {
    return target < SL_N_CLASSES ? SL_OK : SL_ERR_LABEL;
}

/* The answer, from what the rule's forward pass returned. */
SL_FOLD int32_t sl_head_predict(const sl_state_t *state, sl_scratch_t *scratch, int32_t largest) {
    (void)state;
    (void)scratch;
    return largest;
}

/* A class has no statistics. */
SL_FOLD void sl_head_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    (void)state;
    (void)scratch;
    (void)target;
}

SL_FOLD void sl_head_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}
