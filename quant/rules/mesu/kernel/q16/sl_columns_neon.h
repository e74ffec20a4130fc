/* The loops of layer 0 for NEON, 8 units at a time, as sl_columns_avx2.h has them: what lies beyond
 * a row is multiplied by 0, and dither alone is shifted away, so it is written back as it was.
 * NUMBERS.md bounds a factor by 16256 and a dithered step by 12223, so no product saturates and no
 * sum wraps. */
#pragma once

#include <arm_neon.h>
#include <stdint.h>

#include "sl_build.h"
#include "sl_columns_scalar.h"

enum {
    SL_WIDTH = 8,
    SL_WIDTHS = (SL_FIRST_UNITS + SL_WIDTH - 1) / SL_WIDTH,
    SL_PADDED = SL_WIDTHS * SL_WIDTH,
    SL_TILE = 4, /* widths whose sums stay in registers */
    SL_FIRST_ROWS = SL_N_INPUTS + SL_BIAS,
    /* Rows that end a whole width before the array does. */
    SL_BEFORE_END = SL_N_SYNAPSES < SL_PADDED ? 0
                                              : (SL_N_SYNAPSES - SL_PADDED) / SL_FIRST_UNITS + 1,
    SL_WHOLE_ROWS = SL_BEFORE_END < SL_FIRST_ROWS ? SL_BEFORE_END : SL_FIRST_ROWS,
};

typedef struct {
    int16_t g[SL_PADDED], dither[SL_PADDED];
} sl_columns_t;

#include "sl_columns_no_rho.h"

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    columns->g[j] = (int16_t)g;
    columns->dither[j] = (int16_t)dither;
    for (uint32_t k = SL_FIRST_UNITS; j == 0 && k < SL_PADDED; k++) {
        columns->g[k] = columns->dither[k] = 0;
    }
}

SL_INLINE void sl_columns_step(const sl_columns_t *columns, uint32_t row, int16_t *mu,
                               const int16_t *rho, int32_t factor, uint32_t dither,
                               uint32_t right) {
    if (row >= SL_WHOLE_ROWS) {
        for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
            mu[j] = sl_stepped(mu[j], rho[j], factor, columns->g[j],
                               dither ^ (uint32_t)columns->dither[j], right);
        }
        return;
    }
    const int16x8_t x = vdupq_n_s16((int16_t)factor), u = vdupq_n_s16((int16_t)dither);
    const int16x8_t by = vdupq_n_s16((int16_t)-(int32_t)right);
    for (uint32_t j = 0; j < SL_PADDED; j += SL_WIDTH) {
        const int16x8_t inner = vqrdmulhq_s16(x, vld1q_s16(columns->g + j));
        const int16x8_t h = vqrdmulhq_s16(vld1q_s16(rho + j), inner);
        const int16x8_t mine = veorq_s16(u, vld1q_s16(columns->dither + j));
        const int16x8_t step = vshlq_s16(vaddq_s16(h, mine), by);
        vst1q_s16(mu + j, vqaddq_s16(vld1q_s16(mu + j), step));
    }
}

/* A row's products with 8 units, added to two sums. */
SL_INLINE void sl_add_products(const int16_t *row, int16_t by, int32x4_t *sum) {
    const int16x8_t units = vld1q_s16(row);
    sum[0] = vmlal_n_s16(sum[0], vget_low_s16(units), by);
    sum[1] = vmlal_n_s16(sum[1], vget_high_s16(units), by);
}

/* The rows that add to a sum, their inputs and squares. */
typedef struct {
    int16_t x[SL_FIRST_ROWS], square[SL_FIRST_ROWS];
    uint16_t row[SL_FIRST_ROWS];
    uint32_t n;
} sl_some_rows_t;

/* Units j to j + 8 n. */
SL_INLINE void sl_sum_widths(const sl_first_rows_t *first, const sl_some_rows_t *some, uint32_t j,
                             uint32_t n, int32_t *mean, int32_t *power) {
    int32x4_t means[2 * SL_TILE], powers[2 * SL_TILE];
    for (uint32_t w = 0; w < 2 * n; w++) {
        means[w] = powers[w] = vdupq_n_s32(0);
    }
    for (uint32_t k = 0; k < some->n; k++) {
        const uint32_t start = some->row[k] * SL_FIRST_UNITS + j;
        for (uint32_t w = 0; w < n; w++) {
            sl_add_products(first->mu + start + w * SL_WIDTH, some->x[k], means + 2 * w);
            sl_add_products(first->rho + start + w * SL_WIDTH, some->square[k], powers + 2 * w);
        }
    }
    for (uint32_t w = 0; w < 2 * n; w++) {
        vst1q_s32(mean + j + 4 * w, means[w]);
        vst1q_s32(power + j + 4 * w, powers[w]);
    }
}

SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *mean, uint32_t *power) {
    sl_some_rows_t some;
    int32_t padded_mean[SL_PADDED], padded_power[SL_PADDED];
    some.n = 0;
    for (uint32_t i = 0; i < SL_WHOLE_ROWS; i++) {
        some.x[some.n] = (int16_t)sl_first_x(first, i);
        some.square[some.n] = (int16_t)sl_first_square(first, i);
        some.row[some.n] = (uint16_t)i;
        some.n += (some.x[some.n] | some.square[some.n]) != 0;
    }
    uint32_t j = 0;
    for (; j + SL_TILE * SL_WIDTH <= SL_PADDED; j += SL_TILE * SL_WIDTH) {
        sl_sum_widths(first, &some, j, SL_TILE, padded_mean, padded_power);
    }
    sl_sum_widths(first, &some, j, SL_WIDTHS % SL_TILE, padded_mean, padded_power);
    for (j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = padded_mean[j];
        power[j] = (uint32_t)padded_power[j];
    }
    for (uint32_t i = SL_WHOLE_ROWS; i < SL_FIRST_ROWS; i++) {
        sl_add_row(first, i, mean, power);
    }
}
