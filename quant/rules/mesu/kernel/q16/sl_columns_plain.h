/* The loops of layer 0 in plain C: what every other file of them has to equal. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"
#include "sl_first.h"
#include "sl_integer.h"

typedef struct {
    int16_t g[SL_FIRST_UNITS];
    uint16_t dither[SL_FIRST_UNITS];
} sl_columns_t;

/* dither: of as many bits as the step is shifted by. */
static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->g[j] = (int16_t)g;
    columns->dither[j] = (uint16_t)dither;
}

/* a b / 2^15, rounding half up. */
static inline int32_t sl_rounded(int32_t a, int32_t b) {
    return (a * b + (1 << 14)) >> 15;
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, int16_t *restrict mu,
                               const int16_t *restrict rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        const int32_t h = sl_rounded(rho[j], sl_rounded(factor, columns->g[j]));
        const int32_t step = (h + (int32_t)(dither ^ columns->dither[j])) >> right;
        mu[j] = (int16_t)sl_clamp32(mu[j] + step, -32768, 32767);
    }
}

/* The rows that a sum takes: `rows` lists them; x: their inputs, k_mean bits shorter. */
typedef struct {
    const int16_t *mu, *rho, *x;
    const int8_t *exponent;
    const uint16_t *rows;
    uint32_t n, k_mean;
    sl_squares_t squares;
} sl_first_rows_t;

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *restrict mean,
                              uint32_t *restrict power) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    for (uint32_t a = 0; a < first->n; a++) {
        const uint32_t i = first->rows[a];
        const int16_t *restrict mu = first->mu + i * SL_FIRST_UNITS;
        const int16_t *restrict rho = first->rho + i * SL_FIRST_UNITS;
        const int32_t x = sl_shift_truncate32(first->x[i], (int32_t)first->k_mean);
        const int32_t square = sl_square(first->x[i], first->exponent[i], first->squares);
        for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
            mean[j] += x * mu[j];
            power[j] += (uint32_t)(square * rho[j]);
        }
    }
}
