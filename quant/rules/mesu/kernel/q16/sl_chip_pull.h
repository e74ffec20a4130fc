/* The prior's pull on a row, on a chip: products of 32 bits wherever they fit. */
#pragma once

#include "sl_steps.h"

#if SL_THUMB1 /* no product of 64 bits: floors of its parts */

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

/* The upper word of a b + high:low. */
static inline int32_t sl_long_high(int32_t a, int32_t b, uint32_t low, int32_t high) {
#ifdef __thumb2__
    __asm("smlal %0, %1, %2, %3" : "+r"(low), "+r"(high) : "r"(a), "r"(b));
    return high;
#else
    return (int32_t)(((int64_t)a * b + (int64_t)((uint64_t)(uint32_t)high << 32 | low)) >> 32);
#endif
}

static inline int32_t sl_pull_mu(int32_t moved, uint32_t pull, uint32_t dither) {
    return sl_long_high(moved, (int32_t)pull, dither << 28, (int32_t)(dither >> 4)) >> 12;
}

static inline int32_t sl_pull_rho(int32_t v, uint32_t pull, int32_t rest, uint32_t dither) {
    const int32_t share = (int32_t)((uint64_t)(uint32_t)v * pull >> 12);
    return sl_long_high(share, rest, dither << 16, 0);
}

#endif

/* The same of any mu. */
static __attribute__((noinline)) int32_t sl_pull_far(int32_t far, int32_t ratio, uint32_t pull,
                                                     uint32_t dither) {
    int64_t share = (int64_t)ratio * pull;
    share = share > SL_WHOLE_PULL ? SL_WHOLE_PULL : share;
    return (int32_t)(((far * share >> 28) + dither) >> 16);
}

/* What the columns of a row share. */
typedef struct {
    sl_mesu_pull_t pull;
    uint32_t mantissa, down, word;
    int32_t prior;
} sl_pull_row_t;

SL_INLINE void sl_pull_row_mu(const sl_pull_row_t *row, int16_t *restrict mu,
                              const int16_t *restrict rho, const uint32_t *column_word, uint32_t n,
                              uint32_t *count) {
    const uint32_t mantissa = row->mantissa, down = row->down, word = row->word;
    const uint32_t pull = row->pull.mu;
    for (const int16_t *end = mu + n; mu != end; mu++) {
        const int32_t m = *mu, far = row->prior - m;
        const int32_t ratio = (int32_t)((uint32_t)*rho++ * mantissa >> down);
        const uint32_t dither = (word ^ *column_word++) & 0xFFFFu;
        int32_t moved = m;
        if ((uint32_t)(far + (1 << SL_PULL_FAR_BITS)) >> (SL_PULL_FAR_BITS + 1)) {
            moved += sl_pull_far(far, ratio, pull, dither);
            *count += m == 32767 || m == -32768;
        } else {
            moved += sl_pull_mu(far * ratio, pull, dither);
        }
        *mu = (int16_t)sl_clamp32(moved, -32768, 32767);
    }
}

/* Returns the OR of the mantissas. */
SL_INLINE uint32_t sl_pull_row_rho(const sl_pull_row_t *row, int16_t *restrict rho,
                                   const uint32_t *column_word, uint32_t n) {
    const uint32_t mantissa = row->mantissa, down = row->down, word = row->word;
    const uint32_t pull = row->pull.rho;
    uint32_t seen = 0;
    for (const int16_t *end = rho + n; rho != end; rho++) {
        const int32_t v = *rho, ratio = (int32_t)((uint32_t)v * mantissa >> down);
        const int32_t curve = sl_pull_rho(v, pull, 65536 - ratio, (word ^ *column_word++) >> 16);
        const int32_t stepped = v + sl_max32(curve, -(v >> 1));
        seen |= (uint32_t)stepped;
        *rho = (int16_t)stepped;
    }
    return seen;
}

/* As sl_mesu_pull_row_q16. */
SL_INLINE uint32_t sl_pull_row(int16_t *mu, int16_t *rho, int32_t exponent, const sl_layer_t *layer,
                               sl_mesu_pull_t pull, uint32_t row_word, const uint32_t *column_word,
                               uint32_t *count) {
    const int32_t right = (int32_t)layer->ratio_exponent + layer->v_exponent + 3 - exponent;
    const sl_pull_row_t row = {pull, layer->ratio_mantissa, (uint32_t)sl_min32(right, 31), row_word,
                               layer->mu_prior_q};
    if (((uint32_t)SL_RHO_MAX * row.mantissa >> row.down) >> SL_PULL_RATIO_BITS ||
        sl_abs32(row.prior) >> 14 || pull.mu >> SL_PULL_MU_BITS || pull.rho >> SL_PULL_RHO_BITS) {
        return sl_mesu_pull_row_q16(mu, rho, exponent, layer, pull, row_word, column_word, count);
    }
    sl_pull_row_mu(&row, mu, rho, column_word, layer->columns, count);
    return sl_pull_row_rho(&row, rho, column_word, layer->columns);
}
