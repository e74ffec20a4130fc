/* The gradient of the categorical head's loss, which a rule's update starts from. */
#pragma once

#include "sl_rule.h"
#include "sl_vector.h"

/* exp(x) for x in [-87, 0], as sl_exp. */
SL_FOLD sl_vector_t sl_exp_vector(sl_vector_t x) {
    const sl_vector_t one = sl_spread(1);
    const sl_vector_t y = x * sl_spread(1.44269504f);
    const sl_mask_t n = sl_whole(y - sl_spread(0.5f));
    const sl_vector_t f = (y - sl_real(n)) * sl_spread(0.693147181f);
    sl_vector_t p = sl_multiply_add(f, sl_spread(1.0f / 720), sl_spread(1.0f / 120));
    p = sl_multiply_add(f, p, sl_spread(1.0f / 24));
    p = sl_multiply_add(f, p, sl_spread(1.0f / 6));
    p = sl_multiply_add(f, p, sl_spread(0.5f));
    p = sl_multiply_add(f, sl_multiply_add(f, p, one), one);
    return p * sl_power_of_two(n);
}

/* Softmax minus one-hot, in place of the logits; 0 in the lanes without a draw. */
SL_INLINE void sl_head_gradient(sl_scratch_t *scratch, float *logits, uint32_t target) {
    (void)scratch;
    const sl_vector_t least = sl_spread(-87.0f);
    for (uint32_t s = 0; s < L; s += V) {
        sl_vector_t top = sl_load(logits + s, V), sum = sl_spread(0);
        for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
            top = sl_most(sl_load(logits + k * L + s, V), top);
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            const sl_vector_t t = sl_load(logits + k * L + s, V) - top;
            const sl_vector_t power = sl_exp_vector(sl_select(t < least, least, t));
            const sl_vector_t share = sl_select(t < least, sl_spread(0), power);
            sum += share;
            sl_store(logits + k * L + s, share, V);
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            const sl_vector_t p = sl_load(logits + k * L + s, V) / sum;
            sl_store(logits + k * L + s, sl_drawn(p - sl_spread(k == target), s), V);
        }
    }
}
