/* The step sets itself: 2^e multiplies the learning rates. Golden model: the rule's step.py. */
#pragma once

#include "sl_exp2.h"
#include "sl_metaplastic.h"
#include "sl_replay.h"

#if SL_ADAPTS

enum {
    SL_STEP_LOG2_MIN = -(1 << 15),
    SL_STEP_LOG2_MAX = 3 << 16,
    SL_SLOPE_MAX = (1 << 24) - 1,
    SL_RATIO = 205,
    SL_RATIO_MAX = 3 << 8,
    SL_PULL = 16,
};

/* The binary weight, +-127 in Q0.7, less its trace. */
static inline int32_t sl_apart(int8_t w, int8_t trace) {
    return (w < 0 ? -127 : 127) - trace;
}

/* U = sum of x_i delta_k (b_ik - trace_ik) over the last layer; one in 64 rows of the trace follows
 * by a quarter. */
static int64_t sl_sign_slope(sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    const int32_t quarter = state->n_samples >> 6 & 3u;
    int32_t *sums = scratch->below;
    for (uint32_t k = 0; k < layer->columns; k++) {
        sums[k] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int8_t *w = state->hidden_weight + layer->weight + i * layer->width;
        int8_t *trace = state->trace + i * layer->width;
        const int32_t x = sl_row_input(scratch, SL_N_LAYERS - 1, i);
        for (uint32_t k = 0; k < layer->columns; k++) {
            sums[k] += x * sl_apart(w[k], trace[k]);
        }
        if (!SL_REPLAYING(state) && ((i ^ state->n_samples) & 63u) == 0) {
            for (uint32_t k = 0; k < layer->columns; k++) {
                trace[k] = (int8_t)(trace[k] + ((sl_apart(w[k], trace[k]) + quarter) >> 2));
            }
        }
    }
    int64_t u = 0;
    for (uint32_t k = 0; k < layer->columns; k++) {
        u += (int64_t)scratch->delta[k] * sums[k];
    }
    return u;
}

/* The multiplier of this sample, as an exponent; the state has the next one's. */
static int32_t sl_adapt(sl_state_t *state, sl_scratch_t *scratch) {
    const int64_t u = sl_sign_slope(state, scratch);
    const int32_t log2 = state->step_log2;
    const uint64_t wide = (u < 0 ? 0u - (uint64_t)u : (uint64_t)u) >> 8;
    const uint32_t size = wide > SL_SLOPE_MAX ? SL_SLOPE_MAX : (uint32_t)wide;
    scratch->saturations[SL_SAT_GRADIENT] += wide > SL_SLOPE_MAX;
    const int32_t shift = sl_min32(sl_bit_length(state->n_samples), 8);
    const int32_t apart = (int32_t)(size << 7) - (int32_t)state->step_spread;
    state->step_spread += (uint32_t)(apart >> shift);
    const uint32_t mean = state->step_spread >> 7;
    int32_t ratio = (int32_t)(size * SL_RATIO / (mean == 0 ? 1 : mean));
    ratio = sl_min32(ratio, SL_RATIO_MAX);
    ratio = u < 0 ? -ratio : ratio;
    ratio -= log2 <= 0 ? SL_PULL : 0;
    state->step_log2 = sl_clamp32(log2 - ratio * 4, SL_STEP_LOG2_MIN, SL_STEP_LOG2_MAX);
    return log2;
}

/* A learning rate, Q.8, times 2^log2: at least one step of its format. */
static uint32_t sl_stepped_gain(int32_t gain, int32_t log2) {
    const int32_t whole = (log2 + 65535) >> 16;
    const uint32_t power = sl_exp2((uint32_t)(whole * 65536 - log2) >> 8);
    const uint32_t stepped = (uint32_t)gain * power >> (15 - whole);
    return stepped == 0 ? 1 : stepped;
}

#endif
