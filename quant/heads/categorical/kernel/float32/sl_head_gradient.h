/* The gradient of the categorical head's loss, which a rule's update starts from. */
#pragma once

#include "sl_float.h"
#include "sl_lanes.h"
#include "sl_rule.h"

/* Softmax minus one-hot, in place of the logits; 0 in the lanes without a draw. */
static inline void sl_head_gradient(sl_scratch_t *scratch, float *logits, uint32_t target) {
    (void)scratch;
    float top[L], sum[L] = {0};
    for (uint32_t s = 0; s < L; s++) {
        top[s] = logits[s];
    }
    for (uint32_t e = L; e < SL_N_CLASSES * L; e++) {
        top[e % L] = logits[e] > top[e % L] ? logits[e] : top[e % L];
    }
    for (uint32_t e = 0; e < SL_N_CLASSES * L; e++) {
        float t = logits[e] - top[e % L];
        float power = sl_exp(t < -87.0f ? -87.0f : t);
        logits[e] = t < -87.0f ? 0.0f : power;
        sum[e % L] += logits[e];
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        for (uint32_t s = 0; s < L; s++) {
            float gradient = logits[k * L + s] / sum[s] - (k == target ? 1.0f : 0.0f);
            logits[k * L + s] = s < S ? gradient : 0.0f;
        }
    }
}
