/* MESU in integers, the steps of a row: the gradient's and the prior's. Golden model:
 * the rule's golden.py, function for function. */
#pragma once

#include "sl_gain.h"
#include "sl_rule.h"
#include "sl_variance.h"

enum { SL_RHO_STEP_BITS = 28 };

static inline void sl_store(int16_t *mu, uint16_t *rho, int32_t new_mu, int32_t new_rho,
                            uint32_t *saturations) {
    int32_t kept_mu = sl_clamp32(new_mu, -32768, 32767), kept_rho = sl_clamp32(new_rho, 0, 65535);
    saturations[0] += kept_mu != new_mu;
    saturations[1] += kept_rho != new_rho;
    *mu = (int16_t)kept_mu;
    *rho = (uint16_t)kept_rho;
}

/* A step that halves or doubles sigma^2 at most. */
static inline int32_t sl_clamp_step(int32_t step, int32_t mantissa, uint32_t *count) {
    if (!SL_ON_HOST && (uint32_t)(step + 1024) <= 2048u) { /* vectors take both ways anyhow */
        return step;
    }
    const int32_t kept = sl_min32(sl_max32(step, -(mantissa >> 1)), mantissa);
    *count += kept != step;
    return kept;
}

/* The code of sigma^2 (1 + step/mantissa): past an octave's end a step counts twice (below) or half
 * (above). */
static inline int32_t sl_moved(int32_t rho, int32_t mantissa, int32_t step) {
    const int32_t moved = mantissa + step, code = rho + step;
    if (!SL_ON_HOST && (uint32_t)(code ^ rho) < 2048u) { /* the same octave */
        return code;
    }
    return code + sl_min32(moved, 2048) - (sl_max32(moved, 4096) >> 1);
}

/* A row's step: w = x g and y = square q, the row's input times what all rows share. */
typedef struct {
    int32_t x, square, shift_mu, shift_rho;
    uint32_t word; /* dither of the row */
} sl_mesu_row_t;

/* The gradient's step on one row. Dither by rank one, (row + column) mod 2^32: the low half for mu,
 * the high half for rho. With `narrow` nothing can pass the ends of a step, so that only the
 * results have to be clamped. */
SL_INLINE void sl_mesu_update_row_q16(sl_mesu_row_t row, int16_t *restrict mu,
                                      uint16_t *restrict rho, const int32_t *restrict g,
                                      const int32_t *restrict q, uint32_t n,
                                      const uint32_t *restrict column_word, uint32_t narrow,
                                      uint32_t *saturations) {
    uint32_t count[2] = {0, 0}, steps = 0;
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        int32_t mantissa = sl_mantissa(rho[j]), octave = sl_octave(rho[j]);
        uint32_t dither = row.word + column_word[j];
        int32_t step = mantissa * (row.x * g[j]);
        int32_t curve = (mantissa * mantissa >> 12) * (row.square * q[j]);
        if (narrow) {
            step >>= sl_min32(row.shift_mu - octave, 31);
            curve >>= sl_min32(row.shift_rho - octave, 31);
            curve = (curve + (int32_t)(dither >> 16)) >> 16;
        } else {
            uint32_t unused = 0;
            step = sl_shift_saturate(step, row.shift_mu - octave, SL_MU_STEP_BITS, &steps);
            curve = sl_shift_saturate(curve, row.shift_rho - octave, SL_RHO_STEP_BITS, &unused);
            curve = (curve + (int32_t)(dither >> 16)) >> 16;
            curve = sl_clamp_step(curve, mantissa, &steps);
        }
        step = (step + (int32_t)(dither & 0xFFFFu)) >> 16;
        sl_store(&mu[j], &rho[j], mu[j] + step, sl_moved(rho[j], mantissa, curve), count);
    }
    saturations[SL_SAT_MU] += count[0];
    saturations[SL_SAT_RHO] += count[1];
    saturations[SL_SAT_GRADIENT] += steps;
}

#define SL_WHOLE_PULL ((int64_t)1 << 44) /* carries mu to the prior */

/* What a pull of the prior takes, Q.28. */
typedef struct {
    uint32_t mu, rho;
} sl_mesu_pull_t;

/* SL_SWEEP samples of the prior's pull on one row. */
static void sl_mesu_pull_row_q16(int16_t *mu, uint16_t *rho, const sl_layer_t *layer,
                                 sl_mesu_pull_t pull, uint32_t row_word,
                                 const uint32_t *column_word, uint32_t *saturations) {
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t mantissa = sl_mantissa(rho[j]);
        uint32_t right = 31u - (uint32_t)sl_octave(rho[j]) + layer->ratio_exponent;
        int64_t u = ((uint32_t)mantissa * layer->ratio_mantissa) >> (right > 31 ? 31 : right);
        int64_t share = u * pull.mu;
        share = SL_ADAPTIVE && share > SL_WHOLE_PULL ? SL_WHOLE_PULL : share;
        int64_t step = ((layer->mu_prior_q - mu[j]) * share) >> 28;
        int64_t curve =
            ((int64_t)((uint64_t)(uint32_t)mantissa * pull.rho >> 12) * (65536 - u)) >> 16;
        uint32_t dither = row_word + column_word[j];
        const int32_t half = -(mantissa >> 1); /* half of sigma^2 or more is left */
        curve = (curve + (dither >> 16)) >> 16;
        sl_store(&mu[j], &rho[j], mu[j] + (int32_t)((step + (dither & 0xFFFFu)) >> 16),
                 sl_moved(rho[j], mantissa, curve < half ? half : (int32_t)curve),
                 &saturations[SL_SAT_MU]);
    }
}

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y; g and q are
 * [draw][unit]. Returns the exponent of the squares, or -1 where the row's input is 0 in every
 * draw. */
SL_INLINE int32_t sl_mesu_row_gradient_q16(const int16_t *x, int32_t narrow, int32_t spare,
                                           uint32_t columns, const int32_t *restrict g,
                                           const int32_t *restrict q, int32_t *restrict row_w,
                                           int32_t *restrict row_y) {
    int32_t narrowed[S], square[S], most = 0;
    for (uint32_t s = 0; s < S; s++) {
        narrowed[s] = sl_min32(sl_shift_round32(x[s], narrow), 255);
        square[s] = narrowed[s] * narrowed[s];
        most = sl_max32(most, square[s]);
    }
    if (most == 0) {
        return -1;
    }
    const int32_t e = sl_max32(sl_bit_length((uint32_t)most) - 8, 0);
    for (uint32_t s = 0; s < S; s++) {
        square[s] >>= e;
    }
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum_w = 0, sum_y = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum_w += narrowed[s] * g[s * columns + j];
            sum_y += square[s] * q[s * columns + j];
        }
        row_w[j] = sl_shift_round32(sum_w, spare);
        row_y[j] = sl_shift_round32(sum_y, spare);
    }
    return e;
}
