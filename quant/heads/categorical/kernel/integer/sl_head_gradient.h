/* The gradient of the categorical head's loss, which a rule's update starts from. */
#pragma once

#include "sl_exp2.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"

/* 2^-(below log2(e)) of a logit that is `below` under the largest, by a table. */
SL_ONE_COPY static inline uint32_t sl_softmax_power(uint32_t below) {
    const int32_t t = sl_min32((int32_t)(below >> 6), 16383);
    const uint32_t u = (uint32_t)(t * 23637) >> 14;
    return (uint32_t)sl_exp2((u >> 2) & 255u) >> (u >> 10);
}

#ifdef SL_HOST

/* Softmax minus one-hot, Q4.20, in place of the logits, all draws of a class side by side. Doubles
 * divide several at once: a quotient that is no integer is further from one than their rounding. */
static inline void sl_head_gradient(sl_scratch_t *scratch, int32_t *logits, uint32_t target) {
    (void)scratch;
    int32_t top[L], sum[L] = {0};
    for (uint32_t s = 0; s < L; s++) {
        top[s] = logits[s];
    }
    for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
        for (uint32_t s = 0; s < L; s++) {
            top[s] = sl_max32(top[s], logits[k * L + s]);
        }
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        int32_t *at = logits + k * L;
        for (uint32_t s = 0; s < L; s++) {
            at[s] = (int32_t)sl_softmax_power((uint32_t)top[s] - (uint32_t)at[s]);
            sum[s] += at[s];
        }
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        int32_t *at = logits + k * L;
        const int32_t hot = k == target ? 1 << 16 : 0;
        for (uint32_t s = 0; s < L; s++) {
            const int32_t p = (int32_t)((double)at[s] * 65536.0 / (double)sum[s]);
            at[s] = s < S ? (p - hot) * 16 : 0;
        }
    }
}

#else

/* Softmax minus one-hot, Q4.20, in place of the logits, draw by draw. */
static inline void sl_head_gradient(sl_scratch_t *scratch, int32_t *logits, uint32_t target) {
    (void)scratch;
    for (uint32_t s = 0; s < S; s++, logits++) {
        int32_t top = logits[0];
        uint32_t sum = 0;
        for (uint32_t e = L; e < SL_N_CLASSES * L; e += L) {
            top = sl_max32(top, logits[e]);
        }
        for (uint32_t e = 0; e < SL_N_CLASSES * L; e += L) {
            logits[e] = (int32_t)sl_softmax_power((uint32_t)top - (uint32_t)logits[e]);
            sum += (uint32_t)logits[e];
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            const int32_t p = (int32_t)(((uint32_t)logits[k * L] << 16) / sum);
            logits[k * L] = (p - (k == target ? 1 << 16 : 0)) * 16;
        }
    }
}

#endif
