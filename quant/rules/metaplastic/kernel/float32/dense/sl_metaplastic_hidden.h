/* Hidden units of the metaplastic rule in float32 as signs: what later layers read, and which units
 * learn. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_rule.h"

/* Inputs of a later layer, but for its bias; and how many they are. */
static inline const float *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->hidden + sl_layers[index - 1].unit;
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_layers[index - 1].columns;
}

/* How a gradient passes through the units below a layer. */
static inline const float *sl_later_gates(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->gate + sl_layers[index - 1].unit;
}

/* What a layer's sums are measured in: the norm of its input. */
static inline float sl_later_size(uint32_t index, float square_sum) {
    (void)index;
    return __builtin_sqrtf(square_sum);
}

/* Whether a unit's block is active. */
static inline uint32_t sl_later_active(const sl_scratch_t *scratch, uint32_t index, uint32_t j) {
#if SL_N_BLOCKS
    return index != 0 || scratch->active[j / SL_BLOCK_UNITS];
#else
    (void)scratch;
    (void)index;
    (void)j;
    return 1;
#endif
}

/* A hidden layer's sums become signs, and units inside the window learn. */
SL_FOLD void sl_later_hand_on(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float limit = SL_WINDOW * scratch->norm[index];
    (void)state;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const float a = scratch->block_a[j];
        const uint32_t is_active = sl_later_active(scratch, index, j);
        const uint32_t inside = is_active && __builtin_fabsf(a) <= limit;
        scratch->hidden[layer->unit + j] = !is_active ? 0.0f : a < 0 ? -1.0f : 1.0f;
        scratch->gate[layer->unit + j] = inside ? 1.0f : 0.0f;
    }
}
