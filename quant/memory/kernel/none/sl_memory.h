/* No memory: the network's answer is the learner's. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_status.h"

SL_FOLD int32_t sl_memory_predict(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits, int32_t predicted) {
    (void)state;
    (void)scratch;
    (void)x_bits;
    return predicted;
}

SL_FOLD void sl_memory_update(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                              uint32_t target) {
    (void)state;
    (void)scratch;
    (void)x_bits;
    (void)target;
}

SL_FOLD int32_t sl_memory_recall(const sl_state_t *state, sl_scratch_t *scratch,
                                 const uint32_t *x_bits) {
    (void)state;
    (void)scratch;
    (void)x_bits;
    return SL_ERR_NO_MEMORY;
}

/* What the host reads of an answer: the network's mean output; nothing is remembered. */
#define SL_ANSWERED(scratch, output) sl_mean_output(scratch, output)
#define SL_RECALLED(scratch, k)      ((void)(scratch), 0.0)
