/* The update of layer 0 with the next sample's products, one way through the weights; each weight
 * and each sum takes the steps that it takes without. */
#pragma once

#include "sl_build.h"
#include "sl_rows.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_steps.h"
#include "sl_tiles.h"
#include "sl_vector.h"

#if SL_LOOKS_AHEAD

/* Some units: of those from `first` on so many as fit into vector registers. */
SL_FOLD void sl_mesu_ahead_units_f32(sl_state_t *state, sl_scratch_t *scratch, const float *g,
                                     const float *q, uint32_t calm, uint32_t first,
                                     uint32_t units) {
    const sl_layer_t *layer = &sl_layers[0];
    sl_vector_t mean[SL_FIRST_TILE / V] = {0}, power[SL_FIRST_TILE / V] = {0};
    uint32_t pulled = sl_first_pulled(layer, state);
    float *mu = state->mu + first, *sigma = state->sigma + first;
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, sigma += layer->columns) {
        const float input = scratch->past[i], then = scratch->input[i];
        const sl_vector_t x = sl_spread(input), square = sl_spread(input * input);
        const sl_vector_t next = sl_spread(then);
        if (input == 0 || then == 0 || i == pulled) {
            if (input != 0) {
                SL_UNROLL_VECTORS
                for (uint32_t j = 0; j < units; j += V) {
                    sl_mesu_step_f32(mu + j, sigma + j, x * sl_load(g + first + j, V),
                                     square * sl_load(q + first + j, V), calm, units - j);
                }
            }
            if (i == pulled) {
                sl_mesu_pull_row_f32(mu, sigma, layer, &scratch->step, units);
                pulled += SL_SWEEP;
            }
            if (then == 0) {
                continue;
            }
            SL_UNROLL_VECTORS
            for (uint32_t j = 0; j < units; j += V) {
                const sl_vector_t scaled = next * sl_load(sigma + j, units - j);
                mean[j / V] = sl_multiply_add(next, sl_load(mu + j, units - j), mean[j / V]);
                power[j / V] = sl_multiply_add(scaled, scaled, power[j / V]);
            }
            continue;
        }
        SL_UNROLL_VECTORS
        for (uint32_t j = 0; j < units; j += V) {
            const sl_vector_t w = x * sl_load(g + first + j, V);
            const sl_vector_t y = square * sl_load(q + first + j, V);
            const sl_vector_t deviation = sl_load(sigma + j, units - j), v = deviation * deviation;
            const sl_vector_t m = sl_multiply_add(v, w, sl_load(mu + j, units - j));
            const sl_vector_t d = sl_mesu_deviation_f32(deviation, v, y, calm);
            sl_store(mu + j, m, units - j);
            sl_store(sigma + j, d, units - j);
            const sl_vector_t scaled = next * d;
            mean[j / V] = sl_multiply_add(next, m, mean[j / V]);
            power[j / V] = sl_multiply_add(scaled, scaled, power[j / V]);
        }
    }
    for (uint32_t j = 0; j < units; j += V) {
        sl_store(scratch->ahead_mean + first + j, mean[j / V], V);
        sl_store(scratch->ahead_power + first + j, power[j / V], V);
    }
}

SL_FOLD void sl_mesu_update_ahead_f32(sl_state_t *state, sl_scratch_t *scratch, const float *g,
                                      const float *q, uint32_t calm) {
    const uint32_t columns = sl_layers[0].columns;
    uint32_t first = 0;
    for (; first + SL_FIRST_TILE <= columns; first += SL_FIRST_TILE) {
        sl_mesu_ahead_units_f32(state, scratch, g, q, calm, first, SL_FIRST_TILE);
    }
    if (first < columns) {
        sl_mesu_ahead_units_f32(state, scratch, g, q, calm, first, columns % SL_FIRST_TILE);
    }
}

#endif
