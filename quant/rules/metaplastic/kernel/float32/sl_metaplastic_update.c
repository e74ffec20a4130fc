/* The metaplastic rule in float32, learning: the equations of streamlearn/rules/metaplastic,
 * equation for equation. */
#include "sl_float.h"
#include "sl_head_gradient.h"
#include "sl_metaplastic.h"
#include "sl_metaplastic_step.h"
#include "sl_parts.h"

#define SL_LOG_TEMPERATURE 4.0f                             /* log2 T is within +- this */
#define SL_DISTANCE_MAX    (16383.0f / 1024 / 0.693147181f) /* in bits */

/* One step of the temperature down the gradient of -log p(label). */
static void sl_metaplastic_calibrate_f32(sl_state_t *state, sl_scratch_t *scratch, uint32_t label) {
    const float *logit = scratch->logit_sum;
    float *u = scratch->below, top = logit[0], sum = 0, expected = 0;
    for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
        top = logit[k] > top ? logit[k] : top;
    }
    const float scale = sl_metaplastic_exp2_f32(-state->log_temperature, SL_LOG_TEMPERATURE);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        const float bits = (top - logit[k]) * scale / 0.693147181f;
        u[k] = bits < SL_DISTANCE_MAX ? bits : SL_DISTANCE_MAX;
        const float p = sl_exp(-u[k] * 0.693147181f);
        sum += p;
        expected += p * u[k];
    }
    const float moved = state->log_temperature + (u[label] - expected / sum) / SL_CALIBRATION;
    state->log_temperature = sl_clamp(moved, -SL_LOG_TEMPERATURE, SL_LOG_TEMPERATURE);
}

/* Gradient of -log softmax by the logits into scratch.delta; its largest magnitude. */
static float sl_metaplastic_gradient_f32(sl_scratch_t *scratch, uint32_t label) {
    float largest = 0;
    for (uint32_t e = 0; e < SL_N_CLASSES * L; e++) {
        scratch->lanes[e] = scratch->logit_sum[e / L];
    }
    sl_head_gradient(scratch, scratch->lanes, label);
    for (uint32_t k = 0; k < SL_PADDED(SL_N_CLASSES); k++) {
        const float delta = k < SL_N_CLASSES ? scratch->lanes[k * L] : 0.0f;
        const float size = __builtin_fabsf(delta);
        scratch->delta[k] = delta;
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* The gradient by the sums of the layer below; 0 of units that do not learn. */
SL_INLINE void sl_metaplastic_backward_f32(uint32_t index, const sl_state_t *state,
                                           sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, units = sl_layers[index - 1].columns;
    const float *gates = sl_later_gates(scratch, index);
    for (uint32_t j = 0; j < SL_PADDED(units); j++) {
        float sum = 0;
        const float *w = state->hidden_weight + layer->weight + j * columns;
        for (uint32_t k = 0; j < units && gates[j] > 0 && k < columns; k++) {
            sum += w[k] < 0 ? -scratch->delta[k] : scratch->delta[k];
        }
        scratch->below[j] = j < units && gates[j] > 0 ? sum * layer->share * gates[j] : 0.0f;
    }
}

/* The step of n weights of a row; scaled: minus the rate, times the row's input. A step towards 0
 * is made by the share f = 1 - tanh^2(m |W|). */
SL_FOLD void sl_metaplastic_move_f32(float *w, const float *delta, float scaled, float m,
                                     uint32_t n) {
    const sl_vector_t d = sl_load(delta, V), none = sl_spread(0), one = sl_spread(1);
    const sl_mask_t moves = d != none;
    if (!sl_any(moves)) {
        return;
    }
    const sl_vector_t old = sl_load(w, n), step = sl_spread(scaled) * d;
    const sl_mask_t back = (step < none) ^ (old < none);
    sl_vector_t share = one;
    if (sl_any(back)) {
        const sl_vector_t e = sl_exp_vector(sl_spread(-2 * m) * sl_most(old, -old));
        share = sl_select(back, sl_spread(4) * e / ((one + e) * (one + e)), one);
    }
    const sl_vector_t moved = old + step * share;
    const sl_vector_t kept =
        sl_most(sl_least(moved, sl_spread(SL_WEIGHT_MAX)), sl_spread(-SL_WEIGHT_MAX));
    sl_store(w, sl_select(moves, kept, old), n);
}

/* Moves the weights whose row has an input, and whose column has a gradient. */
SL_INLINE void sl_metaplastic_learn_f32(uint32_t index, float multiplier, sl_state_t *state,
                                        const sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, whole = columns / V * V;
    const float rate = multiplier * layer->rate, m = layer->metaplasticity;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const float x = sl_row_input(scratch, index, i);
        float *w = state->hidden_weight + layer->weight + i * columns;
        if (x == 0) {
            continue;
        }
        for (uint32_t j = 0; j < whole; j += V) {
            sl_metaplastic_move_f32(w + j, scratch->delta + j, -rate * x, m, V);
        }
        if (whole < columns) {
            sl_metaplastic_move_f32(w + whole, scratch->delta + whole, -rate * x, m,
                                    columns - whole);
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    sl_metaplastic_calibrate_f32(state, scratch, target);
    if (sl_metaplastic_gradient_f32(scratch, target) <= SL_SKIP) {
        return;
    }
    const float multiplier = sl_metaplastic_adapt_f32(state, scratch);
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        if (index > 0) {
            sl_metaplastic_backward_f32(index, state, scratch);
        }
        sl_metaplastic_learn_f32(index, multiplier, state, scratch);
        for (uint32_t j = 0; index > 0 && j < SL_PADDED(sl_layers[index - 1].columns); j++) {
            scratch->delta[j] = scratch->below[j];
        }
    }
}
