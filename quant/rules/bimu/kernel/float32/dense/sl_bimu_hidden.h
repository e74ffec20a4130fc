/* What hidden units of BiMU in float32 hand on: whether they are above their threshold. */
#pragma once

#include "sl_bimu.h"
#include "sl_bimu_later.h"

/* A layer's sums less their mean, over their deviation; 0 in the lanes without a draw. */
static void sl_normalise_f32(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float n = (float)(layer->columns * S);
    float *sums = scratch->sums + layer->unit * L, total = 0, power = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < L; s += V) {
            sl_store(sums + j * L + s, sl_drawn(sl_load(sums + j * L + s, V), s), V);
        }
        total += sl_sum_draws(sums + j * L);
    }
    const sl_vector_t mean = sl_spread(total / n);
    for (uint32_t j = 0; j < layer->columns; j++) {
        float squares[L];
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t apart = sl_drawn(sl_load(sums + j * L + s, V) - mean, s);
            sl_store(sums + j * L + s, apart, V);
            sl_store(squares + s, apart * apart, V);
        }
        power += sl_sum_draws(squares);
    }
    const float size = __builtin_sqrtf(power / n);
    scratch->size[index] = size;
    for (uint32_t e = 0; e < layer->columns * L; e += V) {
        sl_store(sums + e, sl_load(sums + e, V) / sl_spread(size == 0 ? 1 : size), V);
    }
}

/* Whether each draw's unit is open. */
static void sl_open_f32(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    for (uint32_t e = layer->unit * L; e < (layer->unit + layer->columns) * L; e += V) {
        const sl_vector_t distance = sl_distance_f32(sl_load(scratch->sums + e, V));
        const sl_vector_t one = sl_spread(1), none = sl_spread(0);
        sl_store(scratch->gate + e, sl_select(distance > sl_spread(SL_GATE_THRESHOLD), one, none),
                 V);
    }
}

/* What the outputs are measured in. */
static void sl_measure_f32(uint32_t index, sl_scratch_t *scratch) {
    sl_normalise_f32(index, scratch);
}

/* A hidden layer's sums become gates. */
static void sl_hand_on_f32(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    (void)state;
    sl_normalise_f32(index, scratch);
    sl_open_f32(index, scratch);
}
