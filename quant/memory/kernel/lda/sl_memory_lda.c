/* Linear discriminant analysis, one sample at a time; golden model: quant/memory/golden.py. */
#include "sl_memory_class.h"
#include "sl_memory_real.h"
#include "sl_noise.h"

enum { D = SL_MEMORY_COLUMNS };

void sl_memory_scores(const sl_state_t *state, const float *column, float *score) {
    const float times = (float)(state->memory_updates + 1u) * SL_MEMORY_TEMPERATURE;
    const float *weight = state->memory_weight, *mean = state->memory_mean;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++, weight += D, mean += D) {
        float sum = 0.0f;
        for (uint32_t i = 0; i < D; i++) {
            sum += weight[i] * (column[i] - 0.5f * mean[i]);
        }
        score[k] = sum * times;
    }
}

/* The symmetric inverse times a vector, each sum from its first column to its last: what lies left
 * of the diagonal is a row's own, what lies below comes with the later rows. */
static void sl_times_inverse(const sl_state_t *state, const float *x, float *out) {
    const float *row = state->memory_inverse;
    for (uint32_t i = 0; i < D; row += ++i) {
        float sum = 0.0f;
        for (uint32_t j = 0; j < i; j++) {
            sum += row[j] * x[j];
        }
        for (uint32_t j = 0; j < i; j++) {
            out[j] += row[j] * x[i];
        }
        out[i] = sum + row[i] * x[i];
    }
}

static float sl_dot(const float *a, const float *b) {
    float sum = 0.0f;
    for (uint32_t i = 0; i < D; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* One sample into the inverse by the formula of Sherman and Morrison, and into the weights. */
static void sl_learn_covariance(sl_state_t *state, sl_memory_scratch_t *memory, const float *centre,
                                float rate, uint32_t target) {
    float *u = memory->dithered, *g = memory->gain, *row = state->memory_inverse;
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
    uint32_t word = 0;
    for (uint32_t i = 0; i < D; i++, word >>= 1) {
        word = i % 32u ? word : sl_noise_word(key, SL_STREAM_MEMORY_DITHER, i / 32u);
        u[i] = (memory->column[i] - centre[i]) + (word & 1u ? SL_MEMORY_DITHER : -SL_MEMORY_DITHER);
    }
    sl_times_inverse(state, u, g);
    const float q = 1.0f - rate, h = 1.0f + q * sl_dot(g, u), r = q / h;
    for (uint32_t i = 0; i < D; row += ++i) {
        const float step = r * g[i];
        for (uint32_t j = 0; j <= i; j++) {
            row[j] -= step * g[j];
        }
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        const float step = r * sl_dot(g, state->memory_mean + k * D);
        float *weight = state->memory_weight + k * D;
        for (uint32_t i = 0; state->memory_seen[k] && i < D; i++) {
            weight[i] -= step * g[i];
        }
    }
    for (uint32_t i = 0; i < D; i++) {
        state->memory_weight[target * D + i] += rate / h * g[i];
    }
    state->memory_updates++;
}

/* One column of every class's weights anew, so that they never drift from inverse times mean. */
static void sl_renew_column(sl_state_t *state) {
    const uint32_t at = state->n_samples % D;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        const float *mean = state->memory_mean + k * D, *row = state->memory_inverse;
        float sum = 0.0f;
        for (uint32_t j = 0; state->memory_seen[k] && j < D; j++) {
            const uint32_t low = j < at ? j : at, high = j < at ? at : j;
            sum += row[high * (high + 1u) / 2u + low] * mean[j];
        }
        if (state->memory_seen[k]) {
            state->memory_weight[k * D + at] = sum;
        }
    }
}

void sl_memory_learn_class(sl_state_t *state, sl_memory_scratch_t *memory, uint32_t target) {
    float *mean = state->memory_mean + target * D;
    const uint32_t before = state->memory_seen[target], seen = before + (before != 0xFFFFFFFFu);
    const float rate = 1.0f / (float)seen;
    state->memory_seen[target] = seen;
    if (before == 0) {
        for (uint32_t i = 0; i < D; i++) {
            mean[i] = memory->column[i];
        }
        sl_times_inverse(state, mean, state->memory_weight + target * D);
    } else {
        if (state->memory_updates < SL_MEMORY_UPDATES_MAX) {
            sl_learn_covariance(state, memory, mean, rate, target);
        }
        for (uint32_t i = 0; i < D; i++) {
            mean[i] += (memory->column[i] - mean[i]) * rate;
        }
    }
    sl_renew_column(state);
}
