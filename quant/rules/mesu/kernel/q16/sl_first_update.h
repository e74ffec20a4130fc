/* MESU in integers, the gradient's step of layer 0. Golden model: the rule's golden_steps.py,
 * function for function. */
#pragma once

#include "sl_noise.h"
#include "sl_steps.h"

enum {
    SL_FACTOR_BITS = 14,
    SL_FACTOR_MORE_BITS = 8,
    SL_DRAWN_MU = 1, /* a factor below 2^(right + this) is drawn */
    SL_DRAWN_RHO = 5,
    SL_DRAWN_BITS = 13,
    SL_RIGHT_MAX = 31,
};

/* In place: y times a gain in lanes of 16 bits, the largest of 15; returns what this adds to its
 * exponent. */
static int32_t sl_lanes_of(int32_t *y, uint32_t n, sl_scale_t gain) {
    const int32_t largest = sl_bit_length(sl_largest(y, n));
    if (largest == 0) {
        return 0;
    }
    for (uint32_t j = 0; j < n; j++) {
        y[j] = sl_shift_round32(y[j], largest - 15) * gain.mantissa;
    }
    const int32_t drop = sl_bit_length(sl_largest(y, n)) - 15;
    for (uint32_t j = 0; j < n; j++) {
        y[j] = sl_clamp32(sl_shift_round32(y[j], drop), -SL_LANE_MAX, SL_LANE_MAX);
    }
    return 15 - largest + gain.exponent - drop;
}

/* How a sample's rows become factors: golden's `factors`. */
typedef struct {
    int32_t most;      /* the largest reach of a row */
    int32_t threshold; /* of a factor that is the row's own, with bits more */
    int32_t bits;      /* of a factor that is drawn */
    int32_t right;     /* the shift that remains */
} sl_factors_t;

SL_INLINE sl_factors_t sl_factors_of(int32_t most, int32_t lasting, int32_t drawn,
                                     uint32_t *count) {
    const int32_t wanted = lasting - most;
    *count += wanted < 1;
    const int32_t right = sl_clamp32(wanted, 1, SL_RIGHT_MAX);
    const int32_t threshold = right + drawn, bits = sl_min32(threshold, SL_DRAWN_BITS);
    return (sl_factors_t){most, threshold, bits, right - (threshold - bits)};
}

/* A row's factor, not negative; 0: the row is not stepped. x: its input's magnitude or square. */
static inline int32_t sl_factor(sl_factors_t f, uint32_t x, int32_t exponent, uint32_t draw) {
    const int32_t down = f.most - SL_FACTOR_BITS - SL_FACTOR_MORE_BITS - exponent;
    const uint32_t wide =
        down <= 0 ? x << -down : down > 31 ? 0 : (x + (1u << (down - 1))) >> down;
    if (f.threshold < SL_FACTOR_BITS && wide >> (f.threshold + SL_FACTOR_MORE_BITS)) {
        return (int32_t)((wide + (1u << (SL_FACTOR_MORE_BITS - 1))) >> SL_FACTOR_MORE_BITS);
    }
    const uint32_t share =
        f.threshold > 31 ? 0 : (wide << SL_FACTOR_MORE_BITS) >> f.threshold;
    return draw < share ? 1 << f.bits : 0;
}

/* The upper half of a dither word, for what is shifted by 16 + right. */
static inline uint32_t sl_dither_rho(uint32_t word, int32_t right) {
    return right >= 0 ? (word >> 16) << right : word >> (16 - right);
}

/* A row's step of rho: returns the OR of its mantissas. */
SL_INLINE uint32_t sl_first_step_rho(sl_scratch_t *scratch, int16_t *rho, const int32_t *q,
                                     int32_t square, int32_t right, uint32_t word) {
    uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
#ifdef SL_COLUMNS_RHO
    (void)q;
    return sl_columns_step_rho(&scratch->columns, rho, square, sl_dither_rho(word, right), right,
                               count);
#else
    int32_t *y = scratch->row_y;
    for (uint32_t j = 0; j < SL_FIRST_UNITS; j++) {
        y[j] = sl_rounded(-square, q[j]);
    }
    return sl_step_rho(rho, y, SL_FIRST_UNITS, right, word, scratch->column_word, count);
#endif
}

SL_INLINE void sl_first_update(uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                               const int32_t *delta, int32_t *q) {
    const sl_layer_t *layer = &sl_layers[0];
    const uint32_t columns = layer->columns;
    const int16_t *x = scratch->input;
    int8_t *exponents = state->rho_exponent + layer->first;
    int16_t *mus = state->mu + layer->synapse, *rhos = state->rho + layer->synapse;
    uint32_t *count = scratch->saturations;
    int32_t *g = scratch->block_c;
    sl_gather(delta, columns, 1, g);
    const uint32_t some_g = sl_largest(g, columns) != 0;
    const uint32_t some_q = !SL_REPLAYING(state) && sl_largest(q, columns) != 0;
    const int32_t lasting_g = sl_lanes_of(g, columns, sl_step_gain(&scratch->step, 0));
    const int32_t lasting_q =
        sl_lanes_of(q, columns, (sl_scale_t){SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT});

    int32_t reach = -256, reach_squared = -256;
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], size = sl_abs32(x[i]);
        reach = sl_max32(reach, sl_bit_length(size) + exponents[i]);
        reach_squared = sl_max32(reach_squared, sl_bit_length(size * size) + exponents[i]);
    }
    sl_factors_t for_mu = {0, 0, 0, 0}, for_rho = {0, 0, 0, 0};
    if (scratch->n_active != 0 && some_g) {
        for_mu = sl_factors_of(reach, lasting_g + 23 - layer->mu_frac_bits, SL_DRAWN_MU,
                               &count[SL_SAT_GRADIENT]);
    }
    if (scratch->n_active != 0 && some_q) {
        for_rho = sl_factors_of(reach_squared, lasting_q + 10, SL_DRAWN_RHO,
                                &count[SL_SAT_GRADIENT]);
    }
    const uint32_t mask = (1u << for_mu.right) - 1;
    for (uint32_t j = 0; j < columns; j++) {
        sl_columns_set(&scratch->columns, j, g[j], scratch->column_word[j] & mask);
#ifdef SL_COLUMNS_RHO
        sl_columns_set_rho(&scratch->columns, j, q[j],
                           sl_dither_rho(scratch->column_word[j], for_rho.right - 3));
#endif
    }
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], size = sl_abs32(x[i]);
        const uint32_t draw = sl_noise_word(key, SL_STREAM_RARE, i);
        const int32_t factor = some_g ? sl_factor(for_mu, size, exponents[i], draw & 0xFFFFu) : 0;
        const int32_t square =
            some_q ? sl_factor(for_rho, size * size, exponents[i], draw >> 16) : 0;
        if ((factor | square) == 0) {
            continue;
        }
        int16_t *mu = mus + i * columns, *rho = rhos + i * columns;
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW, i);
        if (factor != 0) {
            sl_columns_step(&scratch->columns, i, mu, rho, x[i] > 0 ? -factor : factor, word & mask,
                            (uint32_t)for_mu.right);
        }
        if (square != 0) {
            const uint32_t seen =
                sl_first_step_rho(scratch, rho, q, square, for_rho.right - 3, word);
            sl_row_narrow(rho, &exponents[i], columns, layer->v_exponent, seen,
                          &count[SL_SAT_RHO]);
        }
    }
}
