/* The forward pass of a layer in float32 with factored variance: the equations of
 * streamlearn/rules/mesu_factored, equation for equation. */
#pragma once

#include <stddef.h>

#include "sl_rule.h"
#include "sl_step.h"
#include "sl_sums.h"
#include "sl_tiles.h"
#include "sl_vector.h"

static float sl_factored_power_first_f32(const float *restrict x, const float *restrict row,
                                         uint32_t n) {
    float part[SL_PARTS] = {0};
    uint32_t i = 0;
    for (; i + SL_PARTS <= n; i += SL_PARTS) {
        for (uint32_t k = 0; k < SL_PARTS; k++) {
            part[k] += x[i + k] * x[i + k] * row[i + k];
        }
    }
    for (; i < n; i++) {
        part[0] += x[i] * x[i] * row[i];
    }
    return sl_sum_parts(part);
}

SL_INLINE void sl_factored_product_first_f32(const sl_layer_t *layer, const sl_state_t *state,
                                             const sl_scratch_t *scratch, float *mean) {
    const sl_product_t product = {.mu = state->mu + layer->synapse, .scratch = scratch};
    sl_sum_units(layer, &product, 0, mean, NULL);
}

SL_INLINE void sl_factored_product_later_f32(const sl_layer_t *layer, const sl_state_t *state,
                                             const float *x, float *mean) {
    const sl_product_t product = {.mu = state->mu + layer->synapse, .x = x};
    sl_sum_units(layer, &product, 1, mean, NULL);
}

/* One layer: a = x mu + epsilon sqrt(column sum x^2 row), into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    const float *row = state->row + layer->first, *column = state->column + layer->unit;
    const float *epsilon = scratch->epsilon + layer->unit * L;
    float *a = scratch->block_a, *mean = scratch->block_r, *root = scratch->root + index * L;
    float *column_root = scratch->column_root + layer->unit;
    if (index == 0) {
        sl_factored_product_first_f32(layer, state, scratch, mean);
        root[0] = __builtin_sqrtf(sl_factored_power_first_f32(x, row, layer->rows));
    } else {
        float power[L] = {0};
        sl_factored_product_later_f32(layer, state, x, mean);
        for (uint32_t i = 0; i < layer->rows; i++) {
            for (uint32_t s = 0; s < L; s += V) {
                const sl_vector_t h = sl_load(x + i * L + s, V), sum = sl_load(power + s, V);
                sl_store(power + s, sl_multiply_add(h * h, sl_spread(row[i]), sum), V);
            }
        }
        for (uint32_t s = 0; s < L; s++) {
            root[s] = __builtin_sqrtf(power[s]);
        }
    }
    float widest = 0, top = 0;
    for (uint32_t s = 0; s < (index == 0 ? 1 : S); s++) {
        top = root[s] > top ? root[s] : top;
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        column_root[j] = __builtin_sqrtf(column[j]);
        widest = column_root[j] > widest ? column_root[j] : widest;
        for (uint32_t s = 0; s < L; s += V) {
            const uint32_t e = j * L + s;
            const sl_vector_t by = index == 0 ? sl_spread(root[0]) : sl_load(root + s, V);
            const sl_vector_t centre = index == 0 ? sl_spread(mean[j]) : sl_load(mean + e, V);
            sl_store(
                a + e,
                sl_multiply_add(sl_spread(column_root[j]) * by, sl_load(epsilon + e, V), centre),
                V);
        }
    }
    sl_step_widest(&scratch->step, index, widest * top);
    if (SL_HEAD_SPREAD && index + 1 == SL_N_LAYERS) {
        for (uint32_t s = 0; s < S; s++) {
            sl_factored_keep_spread_f32(scratch, s, column_root[0] * root[index == 0 ? 0 : s]);
        }
    }
}
