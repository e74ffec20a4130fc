/* MESU in integers, the backward pass. Golden model: the rule's golden.py, function for function.
 */
#pragma once

#include "sl_gain.h"
#include "sl_rule.h"

enum {
    SL_LANE_BITS = 15,
    SL_RATIO_SUM_MAX = (1 << 30) - 1,
};

#define SL_PRODUCT_MAX ((int64_t)1 << 43)

SL_FOLD int32_t sl_over(int64_t product, int32_t inverse, int32_t limit, uint32_t *count) {
    const int64_t quotient = (((product + 128) >> 8) * inverse + (1 << 21)) >> 22;
    const int32_t kept = sl_clamp64(quotient, limit);
    *count += kept != quotient;
    return kept;
}

/* r = delta epsilon / spread, Q8.16. */
SL_INLINE void sl_ratio(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                        uint32_t n, int32_t *r, uint32_t *count) {
    for (uint32_t e = 0; e < n; e++) {
        r[e] = sl_over((int64_t)delta[e] * epsilon[e], inverse[e], SL_LIMIT24, count);
    }
}

/* Layer 0, where all draws have one spread: the sum over the draws, Q14.16. */
SL_INLINE void sl_ratio_sum(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                            uint32_t columns, int32_t *r, uint32_t *count) {
    for (uint32_t j = 0; j < columns; j++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += (int64_t)delta[j * L + s] * epsilon[j * L + s];
        }
        r[j] = sl_over(sum, inverse[j], SL_RATIO_SUM_MAX, count);
    }
}

/* Gradient by an input: through the means and through the deviations. */
static inline int64_t sl_input_gradient(int32_t mean, int32_t right_mean, int64_t product,
                                        int32_t right) {
    if (right < 0) { /* far beyond the clamp of the gradient */
        product = product > SL_PRODUCT_MAX    ? SL_PRODUCT_MAX
                  : product < -SL_PRODUCT_MAX ? -SL_PRODUCT_MAX
                                              : product;
    }
    return sl_shift_round64(mean, right_mean) + sl_shift_round64(product, right);
}

/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`. */
SL_INLINE void sl_mesu_backward_inputs_q16(uint32_t index, const sl_state_t *state,
                                           sl_scratch_t *scratch, const int32_t *delta,
                                           const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - SL_LANE_BITS);
    const int32_t k_r = sl_min32(SL_LANE_BITS - sl_sum_bits(r, layer->columns), 12);
    const int32_t right_mean = layer->mu_frac_bits - k_delta;
    for (uint32_t j = 0; j < layer->columns + layer->columns % 2; j++) {
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t at = 2 * (j / 2 * L + s) + j % 2, is = j < layer->columns;
            const uint32_t e = is ? j * L + s : 0;
            scratch->pairs_a[at] = (int16_t)(is ? sl_shift_truncate32(delta[e], k_delta) : 0);
            scratch->pairs_b[at] = (int16_t)(is ? sl_shift_truncate32(r[e], -k_r) : 0);
        }
    }
    const int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, rho += layer->columns) {
        const int32_t right_spread = 11 + scratch->frac_bits[index] + k_r - exponent[i];
        int32_t through_mean[L], through_spread[L];
        sl_dot_pairs(scratch->pairs_a, L, L, (sl_numbers_t){mu, 2, 1, layer->columns},
                     through_mean);
        sl_dot_pairs(scratch->pairs_b, L, L, (sl_numbers_t){rho, 2, 1, layer->columns},
                     through_spread);
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = x[i * L + s];
            int64_t gradient = sl_input_gradient(through_mean[s], right_mean,
                                                 (int64_t)h * through_spread[s], right_spread);
            gradient = h > 0 ? gradient : 0;
            below[i * L + s] = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += below[i * L + s] != gradient;
        }
    }
}
