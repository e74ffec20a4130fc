/* The metaplastic rule in integers, learning. Golden model: the rule's golden.py, function for
 * function; the rule's NUMBERS.md. */
#include "sl_exp2.h"
#include "sl_metaplastic.h"
#include "sl_metaplastic_step.h"
#include "sl_noise.h"
#include "sl_parts.h"
#include "sl_replay.h"

enum {
    SL_DELTA_MAX = 1 << 14,
    SL_DISTANCE_MAX = 16383,
    SL_LOG_TEMPERATURE_MIN = -4 * 65536,
    SL_LOG_TEMPERATURE_MAX = 4 * 65536,
};

/* f_meta of each magnitude: of the hidden layers, and of the last. */
static const uint16_t sl_let_through[2][128] = {SL_LET_THROUGH_HIDDEN, SL_LET_THROUGH_OUTPUT};

static int32_t sl_largest_logit(const sl_scratch_t *scratch) {
    int32_t top = scratch->logit_sum[0];
    for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
        top = sl_max32(top, scratch->logit_sum[k]);
    }
    return top;
}

/* Distances from the largest logit, divided by T = 2^log_temperature, in bits, Q.10. */
static void sl_distances(const sl_scratch_t *scratch, int32_t log_temperature, int32_t *u) {
    const int32_t top = sl_largest_logit(scratch);
    const int32_t whole = (65535 - log_temperature) >> 16;
    const int64_t scale = sl_exp2((uint32_t)(whole * 65536 + log_temperature) >> 8);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        const int64_t t = (((int64_t)top - scratch->logit_sum[k]) * scale >> (15 - whole)) >> 6;
        u[k] = ((t > SL_DISTANCE_MAX ? SL_DISTANCE_MAX : (int32_t)t) * 23637) >> 14;
    }
}

/* Probabilities, Q.16, of distances in bits; in place. */
static void sl_softmax(int32_t *u) {
    uint32_t sum = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        u[k] = sl_exp2((uint32_t)u[k] >> 2 & 255u) >> (u[k] >> 10);
        sum += (uint32_t)u[k];
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        u[k] = (int32_t)(((uint32_t)u[k] << 16) / sum);
    }
}

/* One step of the temperature down the gradient of -log p(label). */
static int32_t sl_calibrate(sl_scratch_t *scratch, uint32_t label, int32_t log_temperature) {
    int32_t *u = scratch->below, *p = scratch->delta;
    sl_distances(scratch, log_temperature, u);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        p[k] = u[k];
    }
    sl_softmax(p);
    uint32_t expected = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        expected += (uint32_t)(p[k] * u[k]);
    }
    const int32_t surprise = u[label] - (int32_t)(expected >> 16);
    return sl_clamp32(log_temperature + sl_shift_round32(surprise, SL_CALIBRATION_SHIFT - 6),
                      SL_LOG_TEMPERATURE_MIN, SL_LOG_TEMPERATURE_MAX);
}

/* Gradient of -log softmax by the logits into scratch.delta, Q.12; its largest magnitude. */
static int32_t sl_output_gradient(sl_scratch_t *scratch, uint32_t label) {
    int32_t *delta = scratch->delta, largest = 0;
    sl_distances(scratch, 0, delta);
    sl_softmax(delta);
    delta[label] -= 65536;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        delta[k] = sl_shift_round32(delta[k], 4);
        largest = sl_max32(largest, (int32_t)sl_abs32(delta[k]));
    }
    return largest;
}

/* The gradient by the sums of the layer below, of the units inside the window; 0 for others. */
static void sl_backward(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index], *lower = &sl_layers[index - 1];
    const sl_later_t units = sl_later_units(scratch, index - 1);
    uint32_t n = 0;
    for (uint32_t k = 0; k < layer->columns; k++) {
        if (scratch->delta[k] != 0) {
            scratch->column[n++] = (uint16_t)k;
        }
    }
    for (uint32_t j = 0; j < lower->columns; j++) {
        int32_t sum = 0;
        if (sl_later_learns(units, j)) {
            const int8_t *w = state->hidden_weight + layer->weight + j * layer->width;
            for (uint32_t c = 0; c < n; c++) {
                sum += sl_signed(scratch->delta[scratch->column[c]], w[scratch->column[c]]);
            }
            sum = sl_shift_round32(sum, layer->backward_shift);
            const int32_t kept = sl_clamp32(sum, -SL_DELTA_MAX, SL_DELTA_MAX);
            scratch->saturations[SL_SAT_GRADIENT] += kept != sum;
            sum = sl_later_passed(units, j, kept);
        }
        scratch->below[j] = sum;
    }
}

/* One weight: a step towards zero is made only if the dither lets it through. */
static inline int8_t sl_pulse(int32_t w, int32_t step, uint32_t dither,
                              const uint16_t *let_through) {
    if ((w ^ step) < 0 && (dither & 0xFFFFu) > let_through[w ^ (w >> 31)]) {
        return (int8_t)w;
    }
    return (int8_t)sl_clamp32(w + step, -(SL_CLAMP)-1, SL_CLAMP);
}

/* Step the weights whose row and whose column fire. */
static void sl_pulse_layer(uint32_t index, uint32_t key, int32_t log2, sl_state_t *state,
                           sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
#if SL_ADAPTS
    const uint32_t gain = sl_stepped_gain(layer->gain, log2);
#else
    const uint32_t gain = (uint32_t)layer->gain;
    (void)log2;
#endif
    const uint16_t *let_through = sl_let_through[index == SL_N_LAYERS - 1];
    uint32_t n = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int32_t delta = scratch->delta[j];
        if (delta == 0) {
            continue;
        }
        const uint32_t word = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
        const uint32_t strength = sl_abs32(delta) * gain >> 4;
        const int32_t pulses = (int32_t)((strength + (word >> 16)) >> 16);
        if (pulses != 0) {
            scratch->column[n] = (uint16_t)j;
            scratch->column_step[n] = (int16_t)(delta > 0 ? -pulses : pulses);
            scratch->column_dither[n++] = (uint16_t)word;
        }
    }
    for (uint32_t i = 0; n != 0 && i < layer->rows; i++) {
        const int32_t x = sl_row_input(scratch, index, i);
        if (x == 0) {
            continue;
        }
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        const int32_t size = (int32_t)sl_abs32(x);
        const int32_t pulses = index == 0 || SL_GRADED ? (size + (int32_t)(word >> 28)) >> 4 : 1;
        if (pulses == 0) {
            continue;
        }
        const int32_t along = x < 0 ? -pulses : pulses;
        int8_t *w = state->hidden_weight + layer->weight + i * layer->width;
        for (uint32_t c = 0; c < n; c++) {
            const uint32_t j = scratch->column[c];
            w[j] = sl_pulse(w[j], along * scratch->column_step[c], word + scratch->column_dither[c],
                            let_through);
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_step_key(state);
    state->log_temperature = sl_calibrate(scratch, target, state->log_temperature);
    if (sl_output_gradient(scratch, target) <= SL_SKIP) {
        return;
    }
    int32_t log2 = 0;
#if SL_ADAPTS
    log2 = sl_adapt(state, scratch);
#endif
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        if (index > 0) {
            sl_backward(index, state, scratch);
        }
        sl_pulse_layer(index, key, log2, state, scratch);
        if (index > 0) {
            for (uint32_t j = 0; j < sl_layers[index - 1].columns; j++) {
                scratch->delta[j] = scratch->below[j];
            }
        }
    }
}
