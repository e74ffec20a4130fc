/* The step sets itself, in float32: 2^e multiplies the learning rates; the equations of
 * streamlearn/rules/metaplastic/step.py. */
#pragma once

#include "sl_float.h"
#include "sl_integer.h"
#include "sl_metaplastic.h"
#include "sl_replay.h"

/* 2^x, of x up to `most`. */
static inline float sl_metaplastic_exp2_f32(float x, float most) {
    const float whole = (float)(1u << (uint32_t)most);
    return whole * sl_exp((x - most) * 0.693147181f);
}

#if SL_ADAPTS

#define SL_STEP_LOG2_MIN -0.5f
#define SL_STEP_LOG2_MAX 3.0f

enum { SL_TRACED_ROWS = 64 };

/* The slope of the loss along the recent movement of the last layer's signs; one in 64 rows of the
 * trace follows by a quarter. */
static float sl_metaplastic_slope_f32(sl_state_t *state, const sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    const uint32_t followed = state->n_samples % SL_TRACED_ROWS;
    float slope = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const float *w = state->hidden_weight + layer->weight + i * layer->columns;
        float *trace = state->trace + i * layer->columns, along = 0;
        const uint32_t follows = !SL_REPLAYING(state) && i % SL_TRACED_ROWS == followed;
        for (uint32_t k = 0; k < layer->columns; k++) {
            const float apart = (w[k] < 0 ? -1.0f : 1.0f) - trace[k];
            along += scratch->delta[k] * apart;
            trace[k] += follows ? apart * 0.25f : 0.0f;
        }
        slope += sl_row_input(scratch, SL_N_LAYERS - 1, i) * along;
    }
    return slope;
}

/* The multiplier of this sample; the state has the next one's. */
static float sl_metaplastic_adapt_f32(sl_state_t *state, const sl_scratch_t *scratch) {
    const float slope = sl_metaplastic_slope_f32(state, scratch), size = __builtin_fabsf(slope);
    const float log2 = state->step_log2;
    const uint32_t shift = (uint32_t)sl_min32(sl_bit_length(state->n_samples), 8);
    state->step_spread += (size - state->step_spread) / (float)(1u << shift);
    float ratio = state->step_spread > 0 ? 0.8f * size / state->step_spread : 0.0f;
    ratio = ratio < 3.0f ? ratio : 3.0f;
    ratio = (slope < 0 ? -ratio : ratio) - (log2 <= 0 ? 1.0f / 16 : 0.0f);
    state->step_log2 = sl_clamp(log2 - ratio / 64.0f, SL_STEP_LOG2_MIN, SL_STEP_LOG2_MAX);
    return sl_metaplastic_exp2_f32(log2, SL_STEP_LOG2_MAX);
}

#else

static inline float sl_metaplastic_adapt_f32(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
    return 1.0f;
}

#endif
