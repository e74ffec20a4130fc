/* The loops of layer 0 for ARMv6-M: Cortex-M0 and -M0+. */
#pragma once

#include "sl_build.h"
#include "sl_columns_scalar.h"
#include "sl_thumb_steps.h"
#include "sl_thumb_sums.h"

typedef struct {
    sl_column_t mu[SL_FIRST_UNITS], rho[SL_FIRST_UNITS];
    sl_row_step_t step_mu, step_rho;
} sl_columns_t;

static inline void sl_columns_begin(sl_columns_t *columns, int32_t right_mu, int32_t right_rho,
                                    uint32_t *count) {
    columns->step_mu.right = (uint32_t)(15 + right_mu);
    columns->step_rho.right = (uint32_t)(16 + right_rho);
    columns->step_rho.count = count;
    columns->step_rho.large = sl_moved_rho;
}

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->mu[j] = (sl_column_t){g, dither << 15 | 1u << 14};
}

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    columns->rho[j] = (sl_column_t){q, dither};
}

SL_FOLD void sl_columns_step(sl_columns_t *columns, int16_t *mu, const int16_t *rho, int32_t factor,
                             uint32_t dither) {
    columns->step_mu.factor = factor;
    columns->step_mu.dither = dither << 15;
    sl_row_mu(columns->mu, mu, rho, SL_FIRST_UNITS, &columns->step_mu);
}

/* dither as sl_dither_rho makes it. Returns whether some rho has outgrown its bits. */
SL_FOLD uint32_t sl_columns_step_rho(sl_columns_t *columns, int16_t *rho, int32_t square,
                                     uint32_t dither) {
    sl_row_step_t *step = &columns->step_rho;
    step->factor = -square;
    step->dither = dither;
    return sl_rho_is_small(square, (int32_t)step->right - 16)
               ? sl_row_rho_small(columns->rho, rho, SL_FIRST_UNITS, step)
               : sl_row_rho(columns->rho, rho, SL_FIRST_UNITS, step);
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *restrict mean,
                              uint32_t *restrict power) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    const sl_row_scale_t scale = sl_row_scale(first);
    sl_walk_t walk = sl_walk(first->mask);
    for (uint32_t a = 0; a < first->n; a += 2) {
        sl_two_rows_t mus, rhos;
        uint32_t i = 0;
        for (uint32_t k = 0; k < 2; k++) {
            const uint32_t there = a + k < first->n;
            i = there ? sl_walk_on(&walk) : i;
            mus.row[k] = first->mu + i * SL_FIRST_UNITS;
            rhos.row[k] = first->rho + i * SL_FIRST_UNITS;
            mus.x[k] = there ? sl_row_x(first, scale, i) : 0;
            rhos.x[k] = there ? sl_row_square(first, scale, i) : 0;
        }
        sl_two_rows_add(mean, &mus, SL_FIRST_UNITS);
        sl_two_rows_add((int32_t *)power, &rhos, SL_FIRST_UNITS);
    }
}
