/* Hidden units of the metaplastic rule in float32 as spikes: the next layer reads their traces. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_gate.h"
#include "sl_rule.h"
#include "sl_sums.h"

/* Inputs of a later layer, but for its bias; and how many they are. */
static inline const float *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->hidden + sl_sum_place(index);
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_sum_rows(index);
}

/* How a gradient passes through the units below a layer. */
static inline const float *sl_later_gates(const sl_scratch_t *scratch, uint32_t index) {
    return sl_gates(scratch) + sl_sum_place(index);
}

/* What a layer's sums are measured in is the same for all inputs. */
static inline float sl_later_size(uint32_t index, float square_sum) {
    (void)square_sum;
    return sl_layers[index].size;
}

/* A hidden layer's sums become charges, the units fire, and their traces become inputs. */
SL_FOLD void sl_later_hand_on(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    for (uint32_t j = 0; j < sl_layers[index].columns; j++) {
        scratch->block_a[j] /= scratch->norm[index];
    }
    sl_sum_fire(index, 1, state, scratch);
}
