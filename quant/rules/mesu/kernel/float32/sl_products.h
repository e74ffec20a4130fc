/* The products of a layer's inputs with mu, and of their squares with sigma^2. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_vector.h"

enum { SL_UNIT_POWERS = 1 }; /* squares are summed for every unit */

typedef struct {
    const float *mu, *sigma;
    const sl_scratch_t *scratch; /* layer 0: its input, and the rows in use */
    const float *x;              /* later layers */
} sl_product_t;

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. */
SL_INLINE void sl_mesu_add_first_f32(const sl_layer_t *layer, const float *restrict mu,
                                     const float *restrict sigma, const sl_scratch_t *scratch,
                                     uint32_t units, float *restrict mean, float *restrict power) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], start = i * layer->columns;
        const float *restrict mu_row = mu + start, *restrict sigma_row = sigma + start;
        const sl_vector_t input = sl_spread(scratch->input[i]);
        SL_UNROLL_VECTORS
        for (uint32_t j = 0; j < units; j += V) {
            const sl_vector_t scaled = input * sl_load(sigma_row + j, units - j);
            const sl_vector_t m = sl_load(mu_row + j, units - j);
            sl_store(mean + j, sl_multiply_add(input, m, sl_load(mean + j, V)), V);
            sl_store(power + j, sl_multiply_add(scaled, scaled, sl_load(power + j, V)), V);
        }
    }
}

/* Later layers: one input for each draw; a row that is 0 in all of them costs nothing. */
SL_INLINE void sl_mesu_add_later_f32(const sl_layer_t *layer, const float *restrict mu,
                                     const float *restrict sigma, const float *restrict x,
                                     uint32_t units, float *restrict mean, float *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, sigma += layer->columns) {
        if (!sl_used(x + i * L)) {
            continue;
        }
        SL_UNROLL_VECTORS
        for (uint32_t j = 0; j < units; j++) {
            const sl_vector_t m = sl_spread(mu[j]), v = sl_spread(sigma[j] * sigma[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                const uint32_t e = j * L + s;
                const sl_vector_t input = sl_load(x + i * L + s, V);
                sl_store(mean + e, sl_multiply_add(m, input, sl_load(mean + e, V)), V);
                sl_store(power + e, sl_multiply_add(v, input * input, sl_load(power + e, V)), V);
            }
        }
    }
}

/* The products with some units, from unit `first` on. */
SL_FOLD void sl_add_units(const sl_layer_t *layer, const sl_product_t *p, uint32_t later,
                          uint32_t first, uint32_t units, float *mean, float *power) {
    if (later) {
        sl_mesu_add_later_f32(layer, p->mu + first, p->sigma + first, p->x, units, mean, power);
    } else {
        sl_mesu_add_first_f32(layer, p->mu + first, p->sigma + first, p->scratch, units, mean,
                              power);
    }
}
