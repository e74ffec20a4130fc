/* MESU in integers, the steps of a row: the gradient's on sigma^2, and the prior's. Golden model:
 * the rule's golden_steps.py, function for function. */
#pragma once

#include "sl_gain.h"
#include "sl_rule.h"
#include "sl_variance.h"

enum {
    SL_RHO_STEP_BITS = 30,
    SL_LANE_MAX = 32767,
    /* Within these a pull takes products of 32 bits. */
    SL_PULL_FAR_BITS = 13,   /* of how far mu may lie from the prior */
    SL_PULL_RATIO_BITS = 18, /* of a row's largest v / sigma_prior^2 */
    SL_PULL_MU_BITS = 26,
    SL_PULL_RHO_BITS = 22,
};

/* The gradient's step on the means of a later layer's row. */
SL_INLINE void sl_later_step_mu(int16_t *restrict mu, const int16_t *restrict rho,
                                const int32_t *restrict w, uint32_t columns, int32_t right,
                                uint32_t word, const uint32_t *restrict column_word,
                                uint32_t *count) {
    uint32_t clamped = 0;
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        const int32_t dither = (int32_t)((word ^ column_word[j]) & 0xFFFFu);
        const int32_t step = sl_shift_saturate(rho[j] * w[j], right, SL_MU_STEP_BITS, &clamped);
        mu[j] = (int16_t)sl_clamp32(mu[j] + ((step + dither) >> 16), -32768, 32767);
    }
    *count += clamped;
}

/* The gradient's step on the sigma^2 of a row: rho (1 + c/2)^2 where c, rho y, lies within
 * -1/2 ... 1; at most SL_LANE_MAX. y is used up. Returns the OR of the row's mantissas. */
SL_INLINE uint32_t sl_step_rho(int16_t *restrict rho, int32_t *restrict y, uint32_t columns,
                               int32_t right, uint32_t word, const uint32_t *restrict column_word,
                               uint32_t *count) {
    uint32_t seen = 0, large = 0, clamped = 0, unused = 0;
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        const int32_t v = rho[j], product = v * ((v * y[j] + (1 << 14)) >> 15);
        const int32_t dither = (int32_t)((word ^ column_word[j]) >> 16);
        const int32_t curve =
            (sl_shift_saturate(product, right, SL_RHO_STEP_BITS, &unused) + dither) >> 16;
        const int32_t d = sl_min32(sl_max32(curve, -(v >> 1)), v);
        clamped += d != curve;
        large |= (int32_t)(sl_abs32(d) << 6) > v;
        seen |= (uint32_t)(v + d);
        y[j] = d;
        rho[j] = (int16_t)(v + d);
    }
    if (large) { /* the square of a smaller change is below half an LSB */
        SL_SCALAR
        for (uint32_t j = 0; j < columns; j++) {
            const int32_t d = y[j], v = rho[j] - d;
            const int32_t square = (int32_t)(sl_abs32(d) << 6) > v ? d * d / (4 * v) : 0;
            const int32_t stepped = sl_min32(rho[j] + square, SL_LANE_MAX);
            seen |= (uint32_t)stepped;
            rho[j] = (int16_t)stepped;
        }
    }
    *count += clamped;
    return seen;
}

#define SL_WHOLE_PULL ((int64_t)1 << 44) /* carries mu to the prior */

/* What a pull of the prior takes, Q.28. */
typedef struct {
    uint32_t mu, rho;
} sl_mesu_pull_t;

/* SL_SWEEP samples of the prior's pull on one row. Returns the OR of its mantissas. */
SL_INLINE uint32_t sl_mesu_pull_row_q16(int16_t *restrict mu, int16_t *restrict rho,
                                        int32_t exponent, const sl_layer_t *layer,
                                        sl_mesu_pull_t pull, uint32_t row_word,
                                        const uint32_t *column_word, uint32_t *count) {
    const int32_t right = (int32_t)layer->ratio_exponent + layer->v_exponent + 3 - exponent;
    const uint32_t down = (uint32_t)sl_min32(right, 31);
    uint32_t seen = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int32_t v = rho[j];
        const int64_t u = (uint32_t)v * layer->ratio_mantissa >> down;
        int64_t share = u * pull.mu;
        share = SL_ADAPTIVE && share > SL_WHOLE_PULL ? SL_WHOLE_PULL : share;
        const int64_t step = ((layer->mu_prior_q - mu[j]) * share) >> 28;
        const int64_t gone =
            ((int64_t)((uint64_t)(uint32_t)v * pull.rho >> 12) * (65536 - u)) >> 16;
        const uint32_t dither = row_word ^ column_word[j];
        const int64_t curve = (gone + (dither >> 16)) >> 16;
        const int32_t half = -(v >> 1); /* half of sigma^2 or more is left */
        const int32_t moved = mu[j] + (int32_t)((step + (dither & 0xFFFFu)) >> 16);
        *count += mu[j] == 32767 || mu[j] == -32768;
        mu[j] = (int16_t)sl_clamp32(moved, -32768, 32767);
        const int32_t stepped = v + (curve < half ? half : (int32_t)curve);
        seen |= (uint32_t)stepped;
        rho[j] = (int16_t)stepped;
    }
    return seen;
}
