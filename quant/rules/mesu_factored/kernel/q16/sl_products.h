/* The products of a layer's inputs with mu. */
#pragma once

#include "sl_block.h"
#include "sl_build.h"
#include "sl_rule.h"

enum { SL_UNIT_POWERS = 0 }; /* squares are summed once for all units */

typedef struct {
    const int16_t *mu;
    const sl_scratch_t *scratch; /* layer 0: its input, and the rows in use */
    const int16_t *x;            /* later layers */
    int32_t k_mean;
} sl_product_t;

/* Layer 0: one input for all draws, so one matrix-vector product whatever their number. */
SL_INLINE void sl_factored_add_first_q16(const sl_layer_t *layer, const int16_t *restrict mu,
                                         const sl_scratch_t *scratch, int32_t k_mean,
                                         uint32_t units, int32_t *restrict mean) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const int16_t *restrict mu_row = mu + i * layer->columns;
        const int32_t input = sl_shift_truncate32(scratch->input[i], k_mean);
        SL_VECTOR
        for (uint32_t j = 0; j < units; j++) {
            mean[j] += input * mu_row[j];
        }
    }
}

/* Later layers: one input for each draw. */
SL_INLINE void sl_factored_add_later_q16(const sl_layer_t *layer, const int16_t *restrict mu,
                                         const int16_t *restrict x, int32_t k_mean, uint32_t units,
                                         int32_t *restrict mean) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns) {
        int32_t blocked[L];
        uint32_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            blocked[s] = x[i * L + s] >> k_mean; /* never negative */
            any |= (uint32_t)blocked[s];
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < units; j++) {
            const int32_t m = mu[j];
            SL_DRAWS
            for (uint32_t s = 0; s < L; s++) {
                mean[j * L + s] += m * blocked[s];
            }
        }
    }
}

/* The products with some units, from unit `first` on. */
SL_FOLD void sl_add_units(const sl_layer_t *layer, const sl_product_t *p, uint32_t later,
                          uint32_t first, uint32_t units, int32_t *mean, uint32_t *power) {
    (void)power;
    if (later) {
        sl_factored_add_later_q16(layer, p->mu + first, p->x, p->k_mean, units, mean);
    } else {
        sl_factored_add_first_q16(layer, p->mu + first, p->scratch, p->k_mean, units, mean);
    }
}
