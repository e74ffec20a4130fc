/* The gradient's step of layer 0 on a chip: row by row, and what a row does not need is not
 * computed. */
#pragma once

#include "sl_first_factors.h"
#include "sl_noise.h"
#include "sl_replay.h"
#include "sl_step.h"

/* How a sample's rows become factors. */
typedef struct {
    int32_t base; /* a factor with its bits more is x 2^(exponent - base) */
    uint32_t own; /* such a factor is the row's own from 2^own */
    uint32_t threshold, bits;
    uint32_t some; /* whether any row is stepped */
} sl_chip_factors_t;

SL_INLINE sl_chip_factors_t sl_chip_factors(sl_factors_t f, uint32_t some) {
    return (sl_chip_factors_t){f.most - SL_FACTOR_BITS - SL_FACTOR_MORE_BITS,
                               (uint32_t)sl_min32(f.threshold + SL_FACTOR_MORE_BITS, 31),
                               (uint32_t)sl_min32(f.threshold, 31), (uint32_t)f.bits, some};
}

/* As sl_factor; the draw is made where it decides. */
SL_FOLD int32_t sl_chip_factor(const sl_chip_factors_t *f, uint32_t x, int32_t exponent,
                               uint32_t key, uint32_t i, uint32_t half) {
    const int32_t down = f->base - exponent;
    uint32_t wide = x;
    if (down <= 0) {
        wide <<= -down;
    } else {
        wide = down > 31 ? 0 : (x + (1u << (down - 1))) >> down;
    }
    if (wide >> f->own) {
        return (int32_t)((wide + (1u << (SL_FACTOR_MORE_BITS - 1))) >> SL_FACTOR_MORE_BITS);
    }
    const uint32_t share = (wide << SL_FACTOR_MORE_BITS) >> f->threshold;
    const uint32_t draw = sl_noise_word(key, SL_STREAM_RARE, i) >> half & 0xFFFFu;
    return draw < share ? 1 << f->bits : 0;
}

/* As the host's. */
SL_INLINE void sl_first_update(uint32_t key, sl_state_t *state, sl_scratch_t *scratch, int32_t *g,
                               int32_t *q) {
    const sl_layer_t *layer = &sl_layers[0];
    int8_t *exponents = state->rho_exponent + layer->first;
    uint32_t *count = scratch->saturations;
    sl_gather(g, SL_FIRST_UNITS, 1, g); /* delta, in place */
    const uint32_t some_g = sl_largest(g, SL_FIRST_UNITS) != 0;
    const uint32_t some_q = !SL_REPLAYING(state) && sl_largest(q, SL_FIRST_UNITS) != 0;
    if (scratch->n_active == 0 || !(some_g || some_q)) {
        return;
    }
    const int32_t lasting_g = sl_lanes_of(g, SL_FIRST_UNITS, sl_step_gain(&scratch->step, 0));
    const int32_t lasting_q =
        sl_lanes_of(q, SL_FIRST_UNITS, (sl_scale_t){SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT});
    sl_factors_t for_mu = {0, 0, 0, 1}, for_rho = {0, 0, 0, 1};
    if (some_g) {
        for_mu = sl_factors_of(scratch->reach, lasting_g + 23 - layer->mu_frac_bits,
                               SL_RIGHT_MIN_MU, SL_DRAWN_MU, &count[SL_SAT_GRADIENT]);
    }
    if (some_q) {
        for_rho = sl_factors_of(scratch->reach_squared, lasting_q + 10, SL_RIGHT_MIN_RHO,
                                SL_DRAWN_RHO, &count[SL_SAT_GRADIENT]);
    }
    const int32_t right_mu = sl_max32(for_mu.right, 1);
    const uint32_t mask = (1u << right_mu) - 1;
    const int32_t right_rho = for_rho.right - 3;
    sl_columns_t *columns = &scratch->columns;
    sl_columns_begin(columns, right_mu, right_rho, &count[SL_SAT_GRADIENT]);
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        const uint32_t word = scratch->column_word[j];
        sl_columns_set(columns, j, g[j], word & mask);
        sl_columns_set_rho(columns, j, q[j], sl_dither_rho(word, right_rho));
    }
    const sl_chip_factors_t mu_factors = sl_chip_factors(for_mu, some_g);
    const sl_chip_factors_t rho_factors = sl_chip_factors(for_rho, some_q);
    int16_t *mus = state->mu + layer->synapse, *rhos = state->rho + layer->synapse;
    sl_walk_t walk = sl_walk(scratch->active_mask);
    for (uint32_t n = scratch->n_active; n != 0; n--) {
        const uint32_t i = sl_walk_on(&walk);
        const int32_t x = scratch->input[i], exponent = exponents[i];
        int32_t factor = 0, square = 0;
        if (some_g) {
            factor = sl_chip_factor(&mu_factors, sl_abs32(x), exponent, key, i, 0);
        }
        if (some_q) {
            square = sl_chip_factor(&rho_factors, (uint32_t)(x * x), exponent, key, i, 16);
        }
        if ((factor | square) == 0) {
            continue;
        }
        int16_t *mu = mus + i * SL_FIRST_UNITS, *rho = rhos + i * SL_FIRST_UNITS;
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW, i);
        /* A step that is larger than the lanes have room for is taken several times. */
        for (uint32_t left = factor == 0 ? 0 : 1u << (right_mu - for_mu.right); left > 0; left--) {
            sl_columns_step(columns, mu, rho, x > 0 ? -factor : factor, word & mask);
        }
        if (square != 0) {
            const uint32_t seen =
                sl_columns_step_rho(columns, rho, square, sl_dither_rho(word, right_rho));
            sl_row_narrow(rho, &exponents[i], SL_FIRST_UNITS, layer->v_exponent, seen,
                          &count[SL_SAT_RHO]);
        }
    }
}
