/* The prior's pull on a row, on a chip: products of 32 bits wherever they fit. */
#pragma once

#include "sl_steps.h"

enum {
    SL_PULL_FAR_BITS = 13,   /* of how far mu may lie from the prior */
    SL_PULL_RATIO_BITS = 18, /* of a row's largest v / sigma_prior^2 */
    SL_PULL_MU_BITS = 26,
    SL_PULL_RHO_BITS = 22,
};

#if defined(__thumb__) && !defined(__thumb2__) /* no product of 64 bits: floors of its parts */

/* (moved pull + (dither << 28)) >> 44 */
static inline int32_t sl_pull_mu(int32_t moved, uint32_t pull, uint32_t dither) {
    const int32_t high = moved >> 16, low = moved & 0xFFFF;
    const int32_t pull_high = (int32_t)(pull >> 12), pull_low = (int32_t)(pull & 0xFFFu);
    const int32_t below = (low * pull_high + (low * pull_low >> 12)) >> 4;
    return (high * pull_high + ((high * pull_low + below) >> 12) + (int32_t)dither) >> 16;
}

/* ((v pull >> 12) rest + (dither << 16)) >> 32 */
static inline int32_t sl_pull_rho(int32_t v, uint32_t pull, int32_t rest, uint32_t dither) {
    const int32_t share = v * (int32_t)(pull >> 12) + (v * (int32_t)(pull & 0xFFFu) >> 12);
    const int32_t low = rest * (share & 0x1FFF) >> 13;
    return (rest * (share >> 13) + low + (int32_t)(dither << 3)) >> 19;
}

#else

static inline int32_t sl_pull_mu(int32_t moved, uint32_t pull, uint32_t dither) {
    return (int32_t)(((int64_t)moved * (int32_t)pull + ((int64_t)dither << 28)) >> 44);
}

static inline int32_t sl_pull_rho(int32_t v, uint32_t pull, int32_t rest, uint32_t dither) {
    const int32_t share = (int32_t)((uint64_t)(uint32_t)v * pull >> 12);
    return (int32_t)(((int64_t)share * rest + (uint32_t)(dither << 16)) >> 32);
}

#endif

/* The same of any mu. */
static __attribute__((noinline)) int32_t sl_pull_far(int32_t far, int32_t ratio, uint32_t pull,
                                                     uint32_t dither) {
    int64_t share = (int64_t)ratio * pull;
    share = share > SL_WHOLE_PULL ? SL_WHOLE_PULL : share;
    return (int32_t)(((far * share >> 28) + dither) >> 16);
}

/* As sl_mesu_pull_row_q16. */
SL_INLINE uint32_t sl_chip_pull_row(int16_t *restrict mu, int16_t *restrict rho, int32_t exponent,
                                    const sl_layer_t *layer, sl_mesu_pull_t pull, uint32_t row_word,
                                    const uint32_t *column_word, uint32_t *count) {
    const int32_t right = (int32_t)layer->ratio_exponent + layer->v_exponent + 3 - exponent;
    const uint32_t down = (uint32_t)sl_min32(right, 31), mantissa = layer->ratio_mantissa;
    const int32_t prior = layer->mu_prior_q;
    if (((uint32_t)SL_RHO_MAX * mantissa >> down) >> SL_PULL_RATIO_BITS ||
        sl_abs32(prior) >> 14 || pull.mu >> SL_PULL_MU_BITS || pull.rho >> SL_PULL_RHO_BITS) {
        return sl_mesu_pull_row_q16(mu, rho, exponent, layer, pull, row_word, column_word, count);
    }
    uint32_t seen = 0, at_end = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int32_t v = rho[j], m = mu[j], far = prior - m;
        const int32_t ratio = (int32_t)((uint32_t)v * mantissa >> down);
        const uint32_t dither = row_word ^ column_word[j];
        const int32_t curve = sl_pull_rho(v, pull.rho, 65536 - ratio, dither >> 16);
        int32_t moved = m;
        if ((uint32_t)(far + (1 << SL_PULL_FAR_BITS)) >> (SL_PULL_FAR_BITS + 1)) {
            moved += sl_pull_far(far, ratio, pull.mu, dither & 0xFFFFu);
            at_end += m == 32767 || m == -32768;
        } else {
            moved += sl_pull_mu(far * ratio, pull.mu, dither & 0xFFFFu);
        }
        mu[j] = (int16_t)sl_clamp32(moved, -32768, 32767);
        const int32_t stepped = v + sl_max32(curve, -(v >> 1));
        seen |= (uint32_t)stepped;
        rho[j] = (int16_t)stepped;
    }
    *count += at_end;
    return seen;
}
