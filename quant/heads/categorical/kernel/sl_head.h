/* The categorical head: the target is the index of a class. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"
#include "sl_status.h"

SL_FOLD int32_t sl_head_check_target(uint32_t target) {
    return target < SL_N_CLASSES ? SL_OK : SL_ERR_LABEL;
}

/* Class k was taught: bit k & 31 of word k >> 5. */
SL_FOLD uint32_t sl_is_taught(const sl_state_t *state, uint32_t k) {
    return state->taught[k >> 5] >> (k & 31u) & 1u;
}

/* The answer, from what the rule's forward pass returned: the largest output of the classes that
 * were taught, the lowest index of equals; class 0 before anything was. */
SL_FOLD int32_t sl_head_predict(const sl_state_t *state, sl_scratch_t *scratch, int32_t largest) {
    if (largest < 0 || sl_is_taught(state, (uint32_t)largest)) {
        return largest;
    }
    int32_t best = -1;
    for (int32_t k = 0; k < SL_N_CLASSES; k++) {
        if (sl_is_taught(state, (uint32_t)k) &&
            (best < 0 || scratch->logit_sum[k] > scratch->logit_sum[best])) {
            best = k;
        }
    }
    return sl_max32(best, 0);
}

/* A class has no statistics. */
SL_FOLD void sl_head_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    (void)state;
    (void)scratch;
    (void)target;
}

SL_FOLD void sl_head_commit(sl_state_t *state, const sl_scratch_t *scratch, uint32_t target) {
    (void)scratch;
    state->taught[target >> 5] |= 1u << (target & 31u);
}
