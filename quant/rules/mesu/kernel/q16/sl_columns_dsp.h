/* The loops of layer 0 for cores with ARM's DSP extension: Cortex-M4, -M7, -M33. A unit that has no
 * partner is stepped alone, in plain C. */
#pragma once

#include "sl_build.h"
#include "sl_columns_scalar.h"
#include "sl_dsp_steps.h"
#include "sl_dsp_sums.h"

enum {
    SL_PAIRS = SL_FIRST_UNITS / 2,
    SL_UNIT_LEFT = SL_FIRST_UNITS % 2,
    SL_LANE_SHIFT = 13, /* with it a step of rho, of 27 bits before, fits 16 */
};

typedef struct {
    sl_pair_t mu[SL_PAIRS + SL_UNIT_LEFT], rho[SL_PAIRS + SL_UNIT_LEFT];
    sl_row_step_t step_mu, step_rho;
} sl_columns_t;

static inline void sl_columns_begin(sl_columns_t *columns, int32_t right_mu, int32_t right_rho,
                                    uint32_t *count) {
    columns->step_mu.right = (uint32_t)(16 + right_mu);
    columns->step_rho.right = (uint32_t)(16 + right_rho);
    columns->step_rho.count = count;
}

static inline void sl_pair_set(sl_pair_t *pairs, uint32_t j, int32_t lane, uint32_t addend) {
    sl_pair_t *pair = &pairs[j >> 1];
    if (j & 1) {
        pair->lanes |= (uint32_t)lane << 16;
        pair->high = addend;
    } else {
        pair->lanes = (uint16_t)lane;
        pair->low = addend;
    }
}

static inline int32_t sl_low_lane(uint32_t lanes) {
    return (int16_t)lanes;
}

static inline void sl_columns_set(sl_columns_t *columns, uint32_t j, int32_t g, uint32_t dither) {
    sl_pair_set(columns->mu, j, g, dither << 16 | 1u << 15);
}

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    sl_pair_set(columns->rho, j, q, dither);
}

/* |factor| < 2^14: an input has 7 bits of magnitude, so its factor ends in zeros. */
SL_FOLD void sl_columns_step(sl_columns_t *columns, int16_t *mu, const int16_t *rho, int32_t factor,
                             uint32_t dither) {
    sl_row_step_t *step = &columns->step_mu;
    if (SL_PAIRS) {
        step->factor = 2 * factor;
        step->dither = dither << 16;
        sl_pairs_mu(columns->mu, mu, rho, SL_PAIRS, step);
    }
    if (SL_UNIT_LEFT) {
        const sl_pair_t *pair = &columns->mu[SL_PAIRS];
        const uint32_t last = SL_FIRST_UNITS - 1;
        mu[last] = sl_stepped(mu[last], rho[last], factor, sl_low_lane(pair->lanes),
                              pair->low >> 16 ^ dither, step->right - 16);
    }
}

/* A row whose steps do not fit a lane: there are no smaller shifts but after a very large gradient.
 */
SL_INLINE uint32_t sl_columns_step_wide(const sl_columns_t *columns, int16_t *rho, int32_t square,
                                        uint32_t dither) {
    const sl_row_step_t *step = &columns->step_rho;
    uint32_t seen = 0;
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        const sl_pair_t *pair = &columns->rho[j >> 1];
        const int32_t q = (int16_t)(j & 1 ? pair->lanes >> 16 : pair->lanes);
        const uint32_t addend = (j & 1 ? pair->high : pair->low) ^ dither;
        rho[j] = (int16_t)sl_stepped_rho(rho[j], sl_rounded(-square, q), addend, step->right,
                                         step->count);
        seen |= (uint32_t)rho[j];
    }
    return seen;
}

/* square <= 2^14, as factor; dither as sl_dither_rho makes it. Returns the OR of what is stored. */
SL_FOLD uint32_t sl_columns_step_rho(sl_columns_t *columns, int16_t *rho, int32_t square,
                                     uint32_t dither) {
    uint32_t seen = 0;
    sl_row_step_t *step = &columns->step_rho;
    if (step->right < SL_LANE_SHIFT) {
        return sl_columns_step_wide(columns, rho, square, dither);
    }
    if (SL_PAIRS) {
        step->factor = -2 * square;
        step->dither = dither;
        const uint32_t pairs = sl_rho_is_small(square, (int32_t)step->right - 16)
                                   ? sl_pairs_rho_small(columns->rho, rho, SL_PAIRS, step)
                                   : sl_pairs_rho(columns->rho, rho, SL_PAIRS, step);
        seen = (pairs | pairs >> 16) & 0xFFFFu;
    }
    if (SL_UNIT_LEFT) {
        const sl_pair_t *pair = &columns->rho[SL_PAIRS];
        int16_t *last = &rho[SL_FIRST_UNITS - 1];
        *last = (int16_t)sl_stepped_rho(*last, sl_rounded(-square, sl_low_lane(pair->lanes)),
                                        pair->low ^ dither, step->right, step->count);
        seen |= (uint32_t)*last;
    }
    return seen;
}

/* The sums of rows whose words are aligned; of the others in plain C. */
SL_INLINE void sl_columns_sum(const sl_first_rows_t *first, int32_t *restrict mean,
                              uint32_t *restrict power) {
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    if (SL_UNIT_LEFT || (((uintptr_t)first->mu | (uintptr_t)first->rho) & 3u)) {
        sl_walk_t all = sl_walk(first->mask);
        for (uint32_t a = 0; a < first->n; a++) {
            sl_add_row(first, sl_walk_on(&all), mean, power);
        }
        return;
    }
    const sl_row_scale_t scale = sl_row_scale(first);
    sl_walk_t walk = sl_walk(first->mask);
    for (uint32_t left = first->n; left != 0;) {
        sl_four_rows_t mus, rhos;
        uint32_t k = 0;
        do {
            const uint32_t i = sl_walk_on(&walk);
            mus.row[k] = first->mu + i * SL_FIRST_UNITS;
            rhos.row[k] = first->rho + i * SL_FIRST_UNITS;
            mus.x[k] = (int16_t)sl_row_x(first, scale, i);
            rhos.x[k] = (int16_t)sl_row_square(first, scale, i);
        } while (++k < 4 && --left != 0);
        left -= left != 0;
        for (; k < 4; k++) { /* a row that adds nothing */
            mus.row[k] = mus.row[0];
            rhos.row[k] = rhos.row[0];
            mus.x[k] = rhos.x[k] = 0;
        }
        sl_four_rows_add(mean, &mus, SL_FIRST_UNITS);
        sl_four_rows_add((int32_t *)power, &rhos, SL_FIRST_UNITS);
    }
}
