/* The loops of layer 0 for ARMv6-M: Cortex-M0 and -M0+. */
#pragma once

#include "sl_build.h"
#include "sl_columns_scalar.h"
#include "sl_thumb_steps.h"

#define SL_COLUMNS_RHO 1

typedef struct {
    sl_column_t mu[SL_FIRST_UNITS], rho[SL_FIRST_UNITS];
} sl_columns_t;

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->mu[j] = (sl_column_t){g, dither << 15 | 1u << 14};
}

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    columns->rho[j] = (sl_column_t){q, dither};
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, uint32_t row, int16_t *mu,
                               const int16_t *rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    (void)row;
    const sl_row_step_t step = {factor, dither << 15, 15 + right, 0, 0};
    sl_row_mu(columns->mu, mu, rho, SL_FIRST_UNITS, &step);
}

/* dither as sl_dither_rho makes it. */
SL_INLINE uint32_t sl_columns_step_rho(const sl_columns_t *columns, int16_t *rho, int32_t square,
                                       uint32_t dither, int32_t right, uint32_t *count) {
    const sl_row_step_t step = {-square, dither, (uint32_t)(16 + right), count, sl_moved_rho};
    return sl_rho_is_small(square, right)
               ? sl_row_rho_small(columns->rho, rho, SL_FIRST_UNITS, &step)
               : sl_row_rho(columns->rho, rho, SL_FIRST_UNITS, &step);
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *restrict mean,
                              uint32_t *restrict power) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    for (uint32_t a = 0; a < first->n; a += 2) {
        sl_two_rows_t mus, rhos;
        for (uint32_t k = 0; k < 2; k++) {
            const uint32_t there = a + k < first->n, i = first->rows[there ? a + k : a];
            mus.row[k] = first->mu + i * SL_FIRST_UNITS;
            rhos.row[k] = first->rho + i * SL_FIRST_UNITS;
            mus.x[k] = there ? sl_first_x(first, i) : 0;
            rhos.x[k] = there ? sl_first_square(first, i) : 0;
        }
        sl_two_rows_add(mean, &mus, SL_FIRST_UNITS);
        sl_two_rows_add((int32_t *)power, &rhos, SL_FIRST_UNITS);
    }
}
