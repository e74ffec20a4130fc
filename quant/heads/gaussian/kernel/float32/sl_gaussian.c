/* The Gaussian head in float32: streamlearn/heads/gaussian.py, equation for equation. Kendall and
 * Gal, arXiv 1703.04977. */
#include "sl_float.h"
#include "sl_head.h"
#include "sl_head_gradient.h"
#include "sl_lanes.h"

#define SL_TARGET_MAX       8.0f
#define SL_RESIDUAL_MAX     3.0f
#define SL_LOG_VARIANCE_MIN -8.31776617f /* -12 ln 2 */
#define SL_LOG_VARIANCE_MAX 2.77258872f  /* 4 ln 2 */
#define SL_INVERSE_SD_MAX   64.0f        /* 1/sqrt(2^-12) */
#define SL_VARIANCE_MAX     16.0f        /* 2^4 */

void sl_head_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t y_bits) {
    uint32_t count = state->target_count;
    count = count < SL_TARGET_WINDOW ? count + 1 : SL_TARGET_WINDOW;
    const float rate = (float)(65536u / count) / 65536.0f;
    const float given = sl_float_of(y_bits);
    float y = sl_clamp(given, -SL_RAW_MAX, SL_RAW_MAX);
    if (state->target_variance > 0) {
        const float reach = SL_TARGET_MAX * __builtin_sqrtf(state->target_variance);
        y = sl_clamp(y, state->target_mean - reach, state->target_mean + reach);
    }
    const float delta = y - state->target_mean;
    const float mean = state->target_mean + delta * rate;
    const float variance =
        state->target_variance + (delta * (y - mean) - state->target_variance) * rate;
    const float z = variance > 0 ? (y - mean) / __builtin_sqrtf(variance) : 0.0f;
    scratch->target = sl_clamp(z, -SL_TARGET_MAX, SL_TARGET_MAX);
    scratch->saturations[SL_SAT_INPUT] += y != given;
    scratch->saturations[SL_SAT_INPUT] += scratch->target != z;
    scratch->new_target_count = count;
    scratch->new_target_mean = mean;
    scratch->new_target_variance = variance;
}

/* By the mean and by the log-variance, in place of them. */
void sl_gaussian_gradient(sl_scratch_t *scratch, float *outputs) {
    for (uint32_t s = 0; s < S; s++) {
        const float log_variance = outputs[L + s];
        const float kept = sl_clamp(log_variance, SL_LOG_VARIANCE_MIN, SL_LOG_VARIANCE_MAX);
        const float inverse = SL_INVERSE_SD_MAX * sl_exp(0.5f * (SL_LOG_VARIANCE_MIN - kept));
        const float residual = (scratch->target - outputs[s]) * inverse;
        const float clamped = sl_clamp(residual, -SL_RESIDUAL_MAX, SL_RESIDUAL_MAX);
        scratch->saturations[SL_SAT_GRADIENT] += clamped != residual;
        const float by_log = 0.5f * (1.0f - clamped * clamped);
        const uint32_t outward =
            by_log > 0 ? log_variance <= SL_LOG_VARIANCE_MIN : log_variance >= SL_LOG_VARIANCE_MAX;
        outputs[s] = -clamped * inverse;
        outputs[L + s] = outward ? 0.0f : by_log;
    }
    for (uint32_t s = S; s < L; s++) {
        outputs[s] = outputs[L + s] = 0;
    }
}

void sl_gaussian_predict(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    const float *outputs = scratch->block_a;
    const float *epsilon = scratch->epsilon + layer->unit * L;
    float *centre = scratch->block_r;
    float total = 0, aleatoric = 0, epistemic = 0;
    uint32_t alike = 1;
    for (uint32_t s = 0; s < S; s++) {
        const float inverse = sl_rule_inverse(scratch, s);
        const float spread = inverse > 0 ? 1.0f / inverse : 0.0f;
        const float kept = sl_clamp(outputs[L + s], SL_LOG_VARIANCE_MIN, SL_LOG_VARIANCE_MAX);
        centre[s] = outputs[s] - (inverse > 0 ? spread * epsilon[s] : 0.0f);
        total += centre[s];
        alike &= centre[s] == centre[0];
        epistemic += spread * spread;
        aleatoric += SL_VARIANCE_MAX * sl_exp(kept - SL_LOG_VARIANCE_MAX);
    }
    const float mean = alike ? centre[0] : total / SL_N_DRAWS;
    for (uint32_t s = 0; s < S; s++) {
        epistemic += (centre[s] - mean) * (centre[s] - mean);
    }
    const float sd = __builtin_sqrtf(state->target_variance);
    scratch->prediction[0] = sl_bits_of(state->target_mean + sd * mean);
    scratch->prediction[1] = sl_bits_of(sd * __builtin_sqrtf(aleatoric / SL_N_DRAWS));
    scratch->prediction[2] = sl_bits_of(sd * __builtin_sqrtf(epistemic / SL_N_DRAWS));
    if (state->target_count < 2) { /* no scale yet: infinite */
        scratch->prediction[1] = 0x7F800000u;
        scratch->prediction[2] = 0x7F800000u;
    }
}
