/* The adaptive step in float32: the equations of streamlearn/adaptive_step.py. With SL_ADAPTIVE 0
 * the multiplier is 1. */
#pragma once

#include "sl_build.h"
#include "sl_float.h"
#include "sl_lanes.h"
#include "sl_replay.h"
#include "sl_rule.h"

enum { SL_SLOW_ROWS = 64, SL_USUAL_WINDOW = 256 };

/* A layer's spread, for the guard of its step. */
SL_FOLD void sl_step_widest(sl_step_t *step, uint32_t index, float spread) {
    if (SL_ADAPTIVE) {
        step->widest[index] = spread;
    }
}

/* A layer's learning rate of mu. */
static inline float sl_step_rate(const sl_step_t *step, uint32_t index) {
    if (!SL_ADAPTIVE) {
        return SL_LR_MU;
    }
    const float rate = SL_LR_MU * step->factor, square = step->widest[index] * step->widest[index];
    return rate * square > 4.0f ? 4.0f / square : rate;
}

/* By what the memory window is shorter: max(1, m). */
static inline float sl_step_hurry(const sl_step_t *step) {
    return SL_ADAPTIVE && step->factor > 1.0f ? step->factor : 1.0f;
}

/* Times the pull of mu: m max(1, m). */
static inline float sl_step_pull(const sl_step_t *step) {
    return SL_ADAPTIVE ? step->factor * sl_step_hurry(step) : 1.0f;
}

#if SL_ADAPTIVE

/* Before an update: the sample's multiplier, and the slope of the loss along mu - slow of the last
 * layer, from its inputs' and its gradients' sums over the draws. */
SL_INLINE void sl_step_begin(const sl_state_t *state, sl_scratch_t *scratch, const float *delta) {
    const uint32_t last = SL_N_LAYERS - 1, draws = last == 0 ? 1 : S, lanes = last == 0 ? 1 : L;
    const sl_layer_t *layer = &sl_layers[last];
    const float *x = last == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    const float *mu = state->mu + layer->synapse, *slow = state->slow;
    float *gradient = scratch->row_w, slope = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        gradient[j] = 0;
        for (uint32_t s = 0; s < S; s++) {
            gradient[j] += delta[j * L + s];
        }
    }
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, slow += layer->columns) {
        float input = 0, along = 0;
        for (uint32_t s = 0; s < draws; s++) {
            input += x[i * lanes + s];
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            along += (mu[j] - slow[j]) * gradient[j];
        }
        slope += input * along;
    }
    scratch->step.factor = 8.0f * sl_exp((state->step_log2 - 3.0f) * 0.693147181f);
    scratch->step.slope = slope / (float)(draws * S);
}

/* After an update: move the multiplier, and let some rows of the slow copy follow mu. */
SL_INLINE void sl_step_end(sl_state_t *state, const sl_scratch_t *scratch) {
    if (SL_REPLAYING(state)) { /* it follows the stream */
        return;
    }
    const float slope = scratch->step.slope, size = slope < 0 ? -slope : slope;
    const uint32_t n =
        state->n_samples < SL_USUAL_WINDOW - 1 ? state->n_samples + 1 : SL_USUAL_WINDOW;
    state->step_usual += (size - state->step_usual) / (float)n;
    float z = size > 0 ? size / state->step_usual : 0.0f;
    z = z < 3.0f ? z : 3.0f;
    z = (slope < 0 ? -z : z) - (state->step_log2 <= 0 ? 1.0f / 16 : 0.0f);
    state->step_log2 = sl_clamp(state->step_log2 - z * (3.0f / 256), -0.5f, 3.0f);

    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    for (uint32_t i = (0u - state->n_samples) % SL_SLOW_ROWS; i < layer->rows; i += SL_SLOW_ROWS) {
        const float *mu = state->mu + layer->synapse + i * layer->columns;
        float *slow = state->slow + i * layer->columns;
        for (uint32_t j = 0; j < layer->columns; j++) {
            slow[j] += (mu[j] - slow[j]) * 0.25f;
        }
    }
}

#else

SL_INLINE void sl_step_begin(const sl_state_t *state, sl_scratch_t *scratch, const float *delta) {
    (void)state;
    (void)scratch;
    (void)delta;
}

SL_INLINE void sl_step_end(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

#endif
