/* What spiking units of BiMU in float32 hand on: traces of their spikes. */
#pragma once

#include "sl_bimu.h"
#include "sl_bimu_later.h"
#include "sl_sums.h"

/* What a layer's sums are measured in; units of a hidden layer fire at that. */
static const float sl_charges[SL_N_LAYERS] = SL_CHARGES;

/* A layer's sums in that; 0 in the lanes without a draw. */
SL_FOLD void sl_measured_f32(uint32_t index, float *to, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *sums = scratch->sums + layer->unit * L;
    const sl_vector_t size = sl_spread(sl_charges[index]);
    scratch->size[index] = sl_charges[index];
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < L; s += V) {
            sl_store(to + j * L + s, sl_drawn(sl_load(sums + j * L + s, V) / size, s), V);
        }
    }
}

/* What the outputs are measured in: their mean is not taken away. */
static void sl_measure_f32(uint32_t index, sl_scratch_t *scratch) {
    sl_measured_f32(index, scratch->sums + sl_layers[index].unit * L, scratch);
}

/* A hidden layer's sums become charges, the units fire, and their traces become inputs. */
static void sl_hand_on_f32(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    sl_measured_f32(index, scratch->block_a, scratch);
    sl_sum_fire(index, L, state, scratch);
}
