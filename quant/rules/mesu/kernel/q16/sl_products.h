/* The products of a layer's inputs with mu, and of their squares with sigma^2. */
#pragma once

#include "sl_block.h"
#include "sl_build.h"
#include "sl_rule.h"
#include "sl_variance.h"

enum { SL_UNIT_POWERS = 1 }; /* squares are summed for every unit */

typedef struct {
    const int16_t *mu;
    const uint16_t *rho;
    const sl_scratch_t *scratch; /* layer 0: its input, and the rows in use */
    const int16_t *x;            /* later layers */
    sl_block_t block;
} sl_product_t;

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. */
SL_INLINE void sl_mesu_add_first_q16(const sl_layer_t *layer, const int16_t *restrict mu,
                                     const uint16_t *restrict rho, const sl_scratch_t *scratch,
                                     sl_block_t block, uint32_t units, int32_t *restrict mean,
                                     uint32_t *restrict power) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], start = i * layer->columns;
        const int16_t *restrict mu_row = mu + start;
        const uint16_t *restrict rho_row = rho + start;
        const int32_t input = sl_shift_truncate32(scratch->input[i], block.k_mean);
        const uint32_t square = sl_block_square(input, block);
        SL_VECTOR
        for (uint32_t j = 0; j < units; j++) {
            const uint32_t code = rho_row[j];
            mean[j] += input * mu_row[j];
            power[j] += ((uint32_t)sl_mantissa(code) * square) >> (31 - sl_octave(code));
        }
    }
}

/* Later layers: one input for each draw. */
SL_INLINE void sl_mesu_add_later_q16(const sl_layer_t *layer, const int16_t *restrict mu,
                                     const uint16_t *restrict rho, const int16_t *restrict x,
                                     sl_block_t block, uint32_t units, int32_t *restrict mean,
                                     uint32_t *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, rho += layer->columns) {
        int32_t blocked[L];
        uint32_t square[L], any = 0;
        for (uint32_t s = 0; s < L; s++) {
            blocked[s] = x[i * L + s] >> block.k_mean; /* never negative */
            square[s] = sl_block_square(blocked[s], block);
            any |= (uint32_t)blocked[s];
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < units; j++) {
            const int32_t m = mu[j], right = 31 - sl_octave(rho[j]);
            const uint32_t mantissa = (uint32_t)sl_mantissa(rho[j]);
            for (uint32_t s = 0; s < L; s++) {
                mean[j * L + s] += m * blocked[s];
                power[j * L + s] += mantissa * square[s] >> right;
            }
        }
    }
}

/* The products with some units, from unit `first` on. */
SL_FOLD void sl_add_units(const sl_layer_t *layer, const sl_product_t *p, uint32_t later,
                          uint32_t first, uint32_t units, int32_t *mean, uint32_t *power) {
    if (later) {
        sl_mesu_add_later_q16(layer, p->mu + first, p->rho + first, p->x, p->block, units, mean,
                              power);
    } else {
        sl_mesu_add_first_q16(layer, p->mu + first, p->rho + first, p->scratch, p->block, units,
                              mean, power);
    }
}
