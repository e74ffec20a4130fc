/* What a step and a sum of layer 0 are for one weight and one row: every file of loops has to equal
 * this. */
#pragma once

#include <stdint.h>

#include "sl_active.h"
#include "sl_config.h"
#include "sl_first.h"
#include "sl_front_end_scratch.h"
#include "sl_integer.h"

enum { SL_MASK = 64 }; /* rows of a mask */

/* a b / 2^15, rounding half up. */
static inline int32_t sl_rounded(int32_t a, int32_t b) {
    return (a * b + (1 << 14)) >> 15;
}

/* dither: of as many bits as the step is shifted by. */
static inline int16_t sl_stepped(int32_t mu, int32_t rho, int32_t factor, int32_t g,
                                 uint32_t dither, uint32_t right) {
    const int32_t h = sl_rounded(rho, sl_rounded(factor, g));
    return (int16_t)sl_clamp32(mu + ((h + (int32_t)dither) >> right), -32768, 32767);
}

/* n / by, for quotients that are small as a rule. */
static inline int32_t sl_small_quotient(int32_t n, int32_t by) {
    if (SL_THUMB1 && n >> 4 < by) { /* without a division */
        int32_t quotient = 0;
        for (; n >= by; n -= by) {
            quotient++;
        }
        return quotient;
    }
    return n / by;
}

/* rho after a step d of any size: sl_step_rho's end, for one weight. */
static __attribute__((unused, noinline)) int32_t sl_moved_rho(int32_t rho, int32_t curve,
                                                              uint32_t *count) {
    const int32_t d = sl_clamp32(curve, -(rho >> 1), rho);
    *count += d != curve;
    return sl_min32(rho + d + sl_small_quotient(d * d, 4 * rho), 32767);
}

/* The upper half of a dither word, for what is shifted by 16 + right. */
static inline uint32_t sl_dither_rho(uint32_t word, int32_t right) {
    return right >= 0 ? (word >> 16) << right : word >> (16 - right);
}

/* A step of rho, for one weight; dither: sl_dither_rho's. */
static inline int32_t sl_stepped_rho(int32_t rho, int32_t y, uint32_t dither, uint32_t shift,
                                     uint32_t *count) {
    return sl_moved_rho(rho, (rho * sl_rounded(rho, y) + (int32_t)dither) >> shift, count);
}

/* Whether no step of a row is above rho/128 + 1, whatever its columns: |d| <= rho t / 2^(16 +
 * right)
 * + 1 with t <= square/2 + 1/2. Then d^2/(4 rho) is below 1, and a step down leaves half: where rho
 * is 1, t is 0. */
static inline uint32_t sl_rho_is_small(int32_t square, int32_t right) {
    return square << 11 < 1 << (21 + right); /* right is -11 or more */
}

/* The rows that a sum takes; x: their inputs, to be k_mean bits shorter; a chip's: which n are not
 * 0. */
typedef struct {
    const int16_t *mu, *rho;
    const sl_input_t *x;
    const int8_t *exponent;
    const uint32_t *mask;
    uint32_t n;
    int32_t k_mean;
    sl_squares_t squares;
} sl_first_rows_t;

static inline int32_t sl_first_x(const sl_first_rows_t *first, uint32_t i) {
    return sl_shift_truncate32(first->x[i], first->k_mean);
}

static inline int32_t sl_first_square(const sl_first_rows_t *first, uint32_t i) {
    return sl_square(first->x[i], first->exponent[i], first->squares);
}

static inline void sl_add_row(const sl_first_rows_t *first, uint32_t i, int32_t *restrict mean,
                              uint32_t *restrict power) {
    const int16_t *restrict mu = first->mu + i * SL_FIRST_UNITS;
    const int16_t *restrict rho = first->rho + i * SL_FIRST_UNITS;
    const int32_t x = sl_first_x(first, i), square = sl_first_square(first, i);
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] += x * mu[j];
        power[j] += (uint32_t)(square * rho[j]);
    }
}

/* What the rows of a chip's sum share; plain: an input is not shortened and a square not widened.
 */
typedef struct {
    uint32_t plain;
    int32_t base;
} sl_row_scale_t;

static inline sl_row_scale_t sl_row_scale(const sl_first_rows_t *first) {
    return (sl_row_scale_t){first->k_mean == 0 && first->squares.k >= 0,
                            first->squares.most + first->squares.k};
}

/* As sl_first_x. */
static inline int32_t sl_row_x(const sl_first_rows_t *first, sl_row_scale_t scale, uint32_t i) {
    return scale.plain ? first->x[i] : sl_first_x(first, i);
}

/* As sl_first_square. */
static inline int32_t sl_row_square(const sl_first_rows_t *first, sl_row_scale_t scale,
                                    uint32_t i) {
    if (scale.plain) {
        const int32_t x = first->x[i], right = scale.base - first->exponent[i];
        return (x * x << SL_SQUARE_MORE_BITS) >> sl_min32(right, 31);
    }
    return sl_first_square(first, i);
}
