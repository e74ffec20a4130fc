/* The loops of layer 0 in plain C. */
#pragma once

#include "sl_build.h"
#include "sl_columns_scalar.h"

typedef struct {
    int16_t g[SL_FIRST_UNITS];
    uint16_t dither[SL_FIRST_UNITS];
} sl_columns_t;

#include "sl_columns_no_rho.h"

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->g[j] = (int16_t)g;
    columns->dither[j] = (uint16_t)dither;
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, uint32_t row, int16_t *restrict mu,
                               const int16_t *restrict rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    (void)row;
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mu[j] =
            sl_stepped(mu[j], rho[j], factor, columns->g[j], dither ^ columns->dither[j], right);
    }
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *restrict mean,
                              uint32_t *restrict power) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    for (uint32_t i = 0; i < SL_N_INPUTS + SL_BIAS; i++) {
        if (first->x[i] != 0) {
            sl_add_row(first, i, mean, power);
        }
    }
}
