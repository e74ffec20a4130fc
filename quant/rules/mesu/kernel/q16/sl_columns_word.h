/* The loops of layer 0 for chips whose words hold one number, in C: Cortex-M3, RISC-V. What a step
 * adds before its shift, rounding and dither, is one word of a table, and rows are summed in twos.
 */
#pragma once

#include "sl_build.h"
#include "sl_columns_scalar.h"

/* A column: its lane, and what is added before the shift. */
typedef struct {
    int32_t lane;
    uint32_t addend;
} sl_column_t;

typedef struct {
    sl_column_t mu[SL_FIRST_UNITS], rho[SL_FIRST_UNITS];
    uint32_t right_mu, right_rho, *count;
} sl_columns_t;

static inline void sl_columns_begin(sl_columns_t *columns, int32_t right_mu, int32_t right_rho,
                                    uint32_t *count) {
    columns->right_mu = (uint32_t)(15 + right_mu);
    columns->right_rho = (uint32_t)(16 + right_rho);
    columns->count = count;
}

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->mu[j] = (sl_column_t){g, dither << 15 | 1u << 14};
}

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    columns->rho[j] = (sl_column_t){q, dither};
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, int16_t *restrict mu,
                               const int16_t *restrict rho, int32_t factor, uint32_t dither) {
    const sl_column_t *column = columns->mu;
    const uint32_t right = columns->right_mu & 31u, row = dither << 15;
    for (const int16_t *end = mu + SL_FIRST_UNITS; mu != end; mu++, rho++, column++) {
        const int32_t product = *rho * sl_rounded(factor, column->lane);
        const int32_t step = (product + (int32_t)(row ^ column->addend)) >> right;
        *mu = (int16_t)sl_clamp32(*mu + step, -32768, 32767);
    }
}

/* dither as sl_dither_rho makes it. Returns the OR of what is stored. */
SL_INLINE uint32_t sl_columns_step_rho(sl_columns_t *columns, int16_t *rho, int32_t square,
                                       uint32_t dither) {
    const sl_column_t *column = columns->rho;
    const uint32_t right = columns->right_rho & 31u;
    uint32_t seen = 0;
    for (const int16_t *end = rho + SL_FIRST_UNITS; rho != end; rho++, column++) {
        const int32_t v = *rho, product = v * sl_rounded(v, sl_rounded(-square, column->lane));
        const int32_t d = (product + (int32_t)(dither ^ column->addend)) >> right;
        const int32_t stepped =
            (int32_t)(sl_abs32(d) << 6) < v ? v + d : sl_moved_rho(v, d, columns->count);
        seen |= (uint32_t)stepped;
        *rho = (int16_t)stepped;
    }
    return seen;
}

/* sum += x row of both rows. */
SL_INLINE void sl_two_rows_add(int32_t *restrict sum, const int16_t *a, const int16_t *b, int32_t x,
                               int32_t y) {
    for (const int32_t *end = sum + SL_FIRST_UNITS; sum != end; sum++) {
        *sum += *a++ * x + *b++ * y;
    }
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
        const uint32_t there = a + 1 < first->n, i = sl_walk_on(&walk);
        const uint32_t k = there ? sl_walk_on(&walk) : i;
        const uint32_t one = i * SL_FIRST_UNITS, two = k * SL_FIRST_UNITS;
        sl_two_rows_add(mean, first->mu + one, first->mu + two, sl_row_x(first, scale, i),
                        there ? sl_row_x(first, scale, k) : 0);
        sl_two_rows_add((int32_t *)power, first->rho + one, first->rho + two,
                        sl_row_square(first, scale, i), there ? sl_row_square(first, scale, k) : 0);
    }
}
