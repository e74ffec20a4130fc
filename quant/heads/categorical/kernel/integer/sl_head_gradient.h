/* The gradient of the categorical head's loss, which a rule's update starts from. */
#pragma once

#include "sl_exp2.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"

/* Softmax minus one-hot, Q4.20, in place of the logits. */
static inline void sl_head_gradient(sl_scratch_t *scratch, int32_t *logits, uint32_t target) {
    (void)scratch;
    int32_t top[L];
    uint32_t sum[L] = {0};
    for (uint32_t s = 0; s < L; s++) {
        top[s] = logits[s];
    }
    for (uint32_t e = L; e < SL_N_CLASSES * L; e++) {
        top[e % L] = sl_max32(top[e % L], logits[e]);
    }
    for (uint32_t e = 0; e < SL_N_CLASSES * L; e++) {
        const uint32_t below = (uint32_t)top[e % L] - (uint32_t)logits[e];
        const int32_t t = sl_min32((int32_t)(below >> 6), 16383);
        const uint32_t u = (uint32_t)(t * 23637) >> 14;
        const uint32_t power = (uint32_t)sl_exp2_table[(u >> 2) & 255u] >> (u >> 10);
        logits[e] = (int32_t)power;
        sum[e % L] += power;
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++, logits += L) {
        for (uint32_t s = 0; s < S; s++) {
            const int32_t p = (int32_t)(((uint32_t)logits[s] << 16) / sum[s]);
            logits[s] = (p - (k == target ? 1 << 16 : 0)) * 16;
        }
        for (uint32_t s = S; s < L; s++) {
            logits[s] = 0;
        }
    }
}
