/* What one sample does to synapses: the gradient's step, and the pull of the prior. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_vector.h"

/* y: x^2 q; calm: its relative step is known to stay within the limits. */
SL_FOLD sl_vector_t sl_mesu_deviation_f32(sl_vector_t deviation, sl_vector_t v, sl_vector_t y,
                                          uint32_t calm) {
    const sl_vector_t least = sl_spread(-0.25f), most = sl_spread(0.5f);
    const sl_vector_t change = calm ? v * y : sl_most(sl_least(v * y, most), least);
    return sl_multiply_add(deviation, change, deviation);
}

/* The gradient's step on some synapses: w = x g and y = x^2 q, q with the 1/2 of the rule for
 * sigma. */
SL_FOLD void sl_mesu_step_f32(float *mu, float *sigma, sl_vector_t w, sl_vector_t y, uint32_t calm,
                              uint32_t n) {
    const sl_vector_t deviation = sl_load(sigma, n), v = deviation * deviation;
    sl_store(mu, sl_multiply_add(v, w, sl_load(mu, n)), n);
    sl_store(sigma, sl_mesu_deviation_f32(deviation, v, y, calm), n);
}

/* The prior's pull on n synapses of a row. */
static void sl_mesu_pull_row_f32(float *mu, float *sigma, const sl_layer_t *layer,
                                 const sl_step_t *step, uint32_t n) {
    const float pull = SL_SWEEP_OVER_WINDOW / layer->prior_variance;
    const float strength = pull * sl_step_hurry(step), by_mu = pull * sl_step_pull(step);
    for (uint32_t j = 0; j < n; j++) {
        float v = sigma[j] * sigma[j];
        const float share = SL_LR_MU * by_mu * v;
        mu[j] += (share < 1.0f ? share : 1.0f) * (layer->mu_prior - mu[j]);
        sigma[j] += 0.5f * SL_LR_SIGMA * strength * sigma[j] * (layer->prior_variance - v);
    }
}
