/* The products of a layer's inputs with mu, and of their squares with sigma^2. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

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
        const float input = scratch->input[i];
        SL_VECTOR
        for (uint32_t j = 0; j < units; j++) {
            const float scaled = input * sigma_row[j];
            mean[j] += input * mu_row[j];
            power[j] += scaled * scaled;
        }
    }
}

/* Later layers: one input for each draw. */
SL_INLINE void sl_mesu_add_later_f32(const sl_layer_t *layer, const float *restrict mu,
                                     const float *restrict sigma, const float *restrict x,
                                     uint32_t units, float *restrict mean, float *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, sigma += layer->columns) {
        float square[L];
        uint32_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            square[s] = x[i * L + s] * x[i * L + s];
            any |= square[s] != 0;
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < units; j++) {
            const float m = mu[j], v = sigma[j] * sigma[j];
            for (uint32_t s = 0; s < L; s++) {
                mean[j * L + s] += m * x[i * L + s];
                power[j * L + s] += v * square[s];
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
