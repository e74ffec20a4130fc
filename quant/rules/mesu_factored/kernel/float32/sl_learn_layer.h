/* The backward pass and the update of a layer in float32 with factored variance:
 * the equations of streamlearn/rules/mesu_factored, equation for equation. */
#pragma once

#include "sl_build.h"
#include "sl_rows.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_sums.h"
#include "sl_vector.h"

static inline float sl_relative(float x) {
    return x < -0.5f ? -0.5f : x > 1.0f ? 1.0f : x;
}

/* Gradient by the layer's inputs, masked by their ReLU. */
SL_INLINE void sl_factored_backward_inputs_f32(uint32_t index, const sl_state_t *state,
                                               const sl_scratch_t *scratch,
                                               const float *restrict delta,
                                               const float *restrict by_row,
                                               float *restrict below) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = scratch->hidden + layer->hidden * L, *mu = state->mu + layer->synapse;
    const float *row = state->row + layer->first;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns) {
        float through_mean[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const sl_vector_t m = sl_spread(mu[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                float *sum = through_mean + s;
                sl_store(sum, sl_multiply_add(m, sl_load(delta + j * L + s, V), sl_load(sum, V)),
                         V);
            }
        }
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t h = sl_load(x + i * L + s, V), none = sl_spread(0);
            const sl_vector_t spread = sl_spread(row[i]) * sl_load(by_row + s, V);
            const sl_vector_t both = sl_multiply_add(h, spread, sl_load(through_mean + s, V));
            sl_store(below + i * L + s, sl_select(h > none, both, none), V);
        }
    }
}

/* A row's step: mu += factor g. */
SL_INLINE void sl_factored_update_row_f32(float *restrict mu, float factor, const float *restrict g,
                                          uint32_t n) {
    const uint32_t whole = n / V * V;
    const sl_vector_t by = sl_spread(factor);
    for (uint32_t j = 0; j < whole; j += V) {
        sl_store(mu + j, sl_multiply_add(by, sl_load(g + j, V), sl_load(mu + j, V)), V);
    }
    if (whole < n) {
        const sl_vector_t m = sl_load(mu + whole, n - whole);
        sl_store(mu + whole, sl_multiply_add(by, sl_load(g + whole, V), m), n - whole);
    }
}

/* Later layers: sum a row's x g over the draws; g is [draw][unit]. */
SL_INLINE void sl_factored_row_gradient_f32(const float *x, uint32_t columns, const float *g,
                                            float *restrict row_w) {
    for (uint32_t j = 0; j < columns; j += V) {
        sl_vector_t sum = sl_spread(0);
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum = sl_multiply_add(sl_spread(x[s]), sl_load(g + s * SL_PADDED(columns) + j, V), sum);
        }
        sl_store(row_w + j, sum, V);
    }
}

/* SL_SWEEP samples of the prior's pull on all factors; a power of 2 moves from the columns to the
 * rows so that the columns' mean stays near 1. */
static void sl_factored_pull_factors_f32(const sl_layer_t *layer, float *row, float *column,
                                         const sl_step_t *step) {
    const float prior = layer->prior_variance;
    const float strength = SL_LR_SIGMA * sl_step_hurry(step) * (SL_SWEEP_OVER_WINDOW / prior);
    const float row_mean = sl_sum(row, layer->rows) / (float)layer->rows;
    const float column_mean = sl_sum(column, layer->columns) / (float)layer->columns;
    float scale = 1.0f;
    if (column_mean > 1e-30f && column_mean < 1e30f) {
        union {
            float value;
            uint32_t bits;
        } power = {column_mean};
        power.bits &= 0x7F800000u;
        scale = power.value;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        row[i] *= (1.0f + sl_relative(strength * (prior - row[i] * column_mean))) * scale;
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        column[j] *= 1.0f + sl_relative(strength * row_mean * (column_mean - column[j]));
        column[j] /= scale;
    }
}

SL_INLINE void sl_factored_update_layer_f32(uint32_t index, sl_state_t *state,
                                            sl_scratch_t *scratch, const float *delta,
                                            const float *by_row, const float *by_column) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    float *g = scratch->block_c, *mu = state->mu + layer->synapse;
    float *restrict row = state->row + layer->first;
    float *restrict column = state->column + layer->unit;
    const float rate = -sl_step_rate(&scratch->step, index) / SL_N_DRAWS;
    for (uint32_t j = 0; j < columns; j++) {
        const float gain = rate * column[j];
        if (index == 0) {
            g[j] = sl_sum_draws(delta + j * L) * gain;
        }
        for (uint32_t s = 0; index != 0 && s < S; s++) {
            g[s * SL_PADDED(columns) + j] = delta[j * L + s] * gain;
        }
    }
    const uint32_t rows = index == 0 ? scratch->n_active : layer->rows;
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = index == 0 ? scratch->active[a] : a;
        if (index == 0) {
            sl_factored_update_row_f32(mu + i * columns, x[i] * row[i], g, columns);
        } else if (sl_used(&x[i * L])) {
            sl_factored_row_gradient_f32(&x[i * L], columns, g, scratch->row_w);
            sl_factored_update_row_f32(mu + i * columns, row[i], scratch->row_w, columns);
        }
    }
    const float pull =
        SL_LR_MU * sl_step_pull(&scratch->step) * (SL_SWEEP_OVER_WINDOW / layer->prior_variance);
    for (uint32_t i = sl_first_pulled(layer, state); i < layer->rows; i += SL_SWEEP) {
        for (uint32_t j = 0; j < columns; j++) {
            float *weight = &mu[i * columns + j];
            const float share = pull * (row[i] * column[j]);
            *weight += (share < 1.0f ? share : 1.0f) * (layer->mu_prior - *weight);
        }
    }

    /* What a sample says of sigma is counted once. */
    const float strength = SL_REPLAYING(state) ? 0.0f : -SL_LR_SIGMA / SL_N_DRAWS;
    const float row_strength = strength / (float)columns;
    const float column_strength = strength / (float)layer->rows;
    if (index == 0) {
        const float first = by_row[0];
        for (uint32_t i = 0; i < layer->rows; i++) {
            row[i] *= 1.0f + sl_relative(row_strength * row[i] * (x[i] * x[i] * first));
        }
    } else {
        for (uint32_t i = 0; i < layer->rows; i++) {
            float sum = 0;
            for (uint32_t s = 0; s < S; s++) {
                sum += x[i * L + s] * x[i * L + s] * by_row[s];
            }
            row[i] *= 1.0f + sl_relative(row_strength * row[i] * sum);
        }
    }
    const float mean = sl_sum(by_column, columns) / (float)columns;
    for (uint32_t j = 0; j < columns; j++) {
        column[j] *= 1.0f + sl_relative(column_strength * (by_column[j] - mean));
    }
    if (sl_cycle_ends(layer, state)) {
        sl_factored_pull_factors_f32(layer, row, column, &scratch->step);
    }
}

/* One layer's backward pass and update; the gradient by its inputs goes into `below`. */
SL_INLINE void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state,
                              sl_scratch_t *scratch, float *delta, float *below) {
    (void)key; /* floats are not rounded by dither */
    const sl_layer_t *layer = &sl_layers[index];
    const float *epsilon = scratch->epsilon + layer->unit * L;
    const float *root = scratch->root + index * L;
    const float *column_root = scratch->column_root + layer->unit;
    float total[L] = {0}, by_row[L] = {0}, *by_column = scratch->row_y;
    for (uint32_t j = 0; j < layer->columns; j++) {
        float noisy[L];
        for (uint32_t s = 0; s < L; s += V) {
            const uint32_t e = j * L + s;
            sl_store(noisy + s, sl_load(delta + e, V) * sl_load(epsilon + e, V), V);
        }
        if (index == 0) {
            const float sum = sl_sum_draws(noisy);
            total[0] = sl_multiply_add1(sum, column_root[j], total[0]);
            by_column[j] = sum * root[0] * column_root[j];
            continue;
        }
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t some = sl_load(noisy + s, V), sum = sl_load(total + s, V);
            sl_store(total + s, sl_multiply_add(some, sl_spread(column_root[j]), sum), V);
            sl_store(noisy + s, some * sl_load(root + s, V), V);
        }
        by_column[j] = sl_sum_draws(noisy) * column_root[j];
    }
    for (uint32_t s = 0; s < (index == 0 ? 1 : S); s++) {
        by_row[s] = root[s] > 0 ? total[s] / root[s] : 0.0f;
    }
    if (index > 0) {
        sl_factored_backward_inputs_f32(index, state, scratch, delta, by_row, below);
    }
    sl_factored_update_layer_f32(index, state, scratch, delta, by_row, by_column);
}
