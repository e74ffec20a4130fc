/* The Gaussian head in every arithmetic: the target is a number, as binary32 bits. */
#pragma once

#include "sl_float.h"
#include "sl_build.h"
#include "sl_rule.h"
#include "sl_status.h"

/* From the outputs of the forward pass: scratch.prediction. */
void sl_gaussian_predict(const sl_state_t *state, sl_scratch_t *scratch);

/* Standardise the target: scratch.target and its new statistics. */
void sl_head_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t target);

SL_FOLD int32_t sl_head_check_target(uint32_t target) {
    return sl_is_finite(target) ? SL_OK : SL_ERR_NOT_FINITE;
}

/* The answer, from what the rule's forward pass returned. */
SL_FOLD int32_t sl_head_predict(const sl_state_t *state, sl_scratch_t *scratch, int32_t largest) {
    if (largest >= 0) {
        sl_gaussian_predict(state, scratch);
        return SL_OK;
    }
    return largest;
}
