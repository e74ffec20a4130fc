/* The products of a layer's inputs with mu. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_vector.h"

enum { SL_UNIT_POWERS = 0 }; /* squares are summed once for all units */

typedef struct {
    const float *mu;
    const sl_scratch_t *scratch; /* layer 0: its input, and the rows in use */
    const float *x;              /* later layers */
} sl_product_t;

/* Layer 0: one input for all draws, so one matrix-vector product whatever their number. */
SL_INLINE void sl_factored_add_first_f32(const sl_layer_t *layer, const float *restrict mu,
                                         const sl_scratch_t *scratch, uint32_t units,
                                         float *restrict mean) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const float *restrict mu_row = mu + i * layer->columns;
        const sl_vector_t input = sl_spread(scratch->input[i]);
        SL_UNROLL_VECTORS
        for (uint32_t j = 0; j < units; j += V) {
            const sl_vector_t m = sl_load(mu_row + j, units - j);
            sl_store(mean + j, sl_multiply_add(input, m, sl_load(mean + j, V)), V);
        }
    }
}

/* Later layers: one input for each draw. */
SL_INLINE void sl_factored_add_later_f32(const sl_layer_t *layer, const float *restrict mu,
                                         const float *restrict x, uint32_t units,
                                         float *restrict mean) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, x += L) {
        if (!sl_used(x)) {
            continue;
        }
        SL_UNROLL_VECTORS
        for (uint32_t j = 0; j < units; j++) {
            const sl_vector_t m = sl_spread(mu[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                float *sum = mean + j * L + s;
                sl_store(sum, sl_multiply_add(m, sl_load(x + s, V), sl_load(sum, V)), V);
            }
        }
    }
}

/* The products with some units, from unit `first` on. */
SL_FOLD void sl_add_units(const sl_layer_t *layer, const sl_product_t *p, uint32_t later,
                          uint32_t first, uint32_t units, float *mean, float *power) {
    (void)power;
    if (later) {
        sl_factored_add_later_f32(layer, p->mu + first, p->x, units, mean);
    } else {
        sl_factored_add_first_f32(layer, p->mu + first, p->scratch, units, mean);
    }
}
