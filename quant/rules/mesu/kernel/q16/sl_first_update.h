/* MESU in integers, the gradient's step of layer 0 on the host. Golden model: the rule's
 * golden_steps.py, function for function. */
#pragma once

#include "sl_first_factors.h"
#include "sl_noise.h"
#include "sl_replay.h"
#include "sl_step.h"
#include "sl_steps.h"

enum {
    SL_FACTOR_ROOM = (SL_N_INPUTS + SL_BIAS + SL_MASK - 1) / SL_MASK * SL_MASK,
    SL_WIDE_FACTOR_BITS = SL_FACTOR_BITS + SL_FACTOR_MORE_BITS,
};

/* A row's factor, not negative; 0: the row is not stepped. wide: its size with bits more. No
 * branch, so that the host computes many rows at once. */
static inline int32_t sl_factor(sl_factors_t f, uint32_t wide, uint32_t draw) {
    const int32_t own = f.threshold + SL_FACTOR_MORE_BITS;
    const int32_t least = own > 30 ? INT32_MAX : 1 << own; /* of a factor that is the row's own */
    const uint32_t share = (wide << SL_FACTOR_MORE_BITS) >> sl_min32(f.threshold, 31);
    const uint32_t rounded = (wide + (1u << (SL_FACTOR_MORE_BITS - 1))) >> SL_FACTOR_MORE_BITS;
    const int32_t drawn = (int32_t)draw < (int32_t)share ? 1 << f.bits : 0;
    return (int32_t)wide >= least ? (int32_t)rounded : drawn;
}

/* below: of the row's exponent under the largest reach, at least 1 if x is not 0. */
static inline uint32_t sl_wide_input(uint32_t x, int32_t below) {
    return ((x << SL_WIDE_FACTOR_BITS >> sl_clamp32(below - 1, 0, 31)) + 1) >> 1;
}

static inline uint32_t sl_wide_square(uint32_t square, int32_t below) {
    const int32_t right = below - SL_WIDE_FACTOR_BITS - 1;
    return ((square << sl_clamp32(-right, 0, 31) >> sl_clamp32(right, 0, 31)) + 1) >> 1;
}

/* The factors of all rows, behind the last one 0; for mu with the sign of the step. */
typedef struct {
    int16_t of_mu[SL_FACTOR_ROOM], of_rho[SL_FACTOR_ROOM];
    uint32_t word[SL_FACTOR_ROOM];
} sl_stepped_t;

SL_INLINE void sl_stepped_rows(uint32_t key, const int16_t *x, const int8_t *exponents,
                               sl_factors_t for_mu, sl_factors_t for_rho, sl_stepped_t *stepped) {
    for (uint32_t i = 0; i < SL_N_INPUTS + SL_BIAS; i++) {
        const uint32_t size = sl_abs32(x[i]), draw = sl_noise_word(key, SL_STREAM_RARE, i);
        const uint32_t wide = sl_wide_input(size, for_mu.most - exponents[i]);
        const uint32_t square = sl_wide_square(size * size, for_rho.most - exponents[i]);
        stepped->of_mu[i] = (int16_t)sl_factor(for_mu, wide, draw & 0xFFFFu);
        stepped->of_rho[i] = (int16_t)sl_factor(for_rho, square, draw >> 16);
        stepped->word[i] = sl_noise_word(key, SL_STREAM_ROW, i);
    }
    for (uint32_t i = 0; i < SL_N_INPUTS + SL_BIAS; i++) {
        stepped->of_mu[i] = (int16_t)(x[i] > 0 ? -stepped->of_mu[i] : stepped->of_mu[i]);
    }
    for (uint32_t i = SL_N_INPUTS + SL_BIAS; i < SL_FACTOR_ROOM; i++) {
        stepped->of_mu[i] = stepped->of_rho[i] = 0;
    }
}

/* What a sample's steps of layer 0 share. */
typedef struct {
    const sl_layer_t *layer;
    sl_factors_t for_mu, for_rho;
    uint32_t times, right, mask; /* of a step of mu */
    const int32_t *q;
} sl_first_step_t;

/* A step that is larger than the lanes have room for is taken several times. */
static __attribute__((noinline)) void sl_first_again(const sl_columns_t *columns,
                                                     const sl_first_step_t *step, uint32_t i,
                                                     int32_t factor, uint32_t dither, int16_t *mu,
                                                     const int16_t *rho) {
    for (uint32_t n = 1; n < step->times; n++) {
        sl_columns_step(columns, i, mu, rho, factor, dither, step->right);
    }
}

SL_INLINE void sl_first_step_mu(const sl_first_step_t *step, uint32_t i, int32_t factor,
                                uint32_t word, sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t start = step->layer->synapse + i * step->layer->columns;
    int16_t *mu = state->mu + start, *rho = state->rho + start;
    const uint32_t dither = word & step->mask;
    sl_columns_step(&scratch->columns, i, mu, rho, factor, dither, step->right);
    if (step->times > 1) {
        sl_first_again(&scratch->columns, step, i, factor, dither, mu, rho);
    }
}

SL_INLINE void sl_first_step_rho(const sl_first_step_t *step, uint32_t i, int32_t factor,
                                 uint32_t word, sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t columns = step->layer->columns, room = SL_WHOLE(columns);
    int16_t *rho = state->rho + step->layer->synapse + i * columns;
    int8_t *exponent = state->rho_exponent + step->layer->first + i;
    const int32_t right = step->for_rho.right - SL_STEP_MORE_BITS;
    uint32_t *count = scratch->saturations;
    uint32_t seen = sl_columns_step_rho(&scratch->columns, i, rho, factor, word >> 16);
    if (seen != 0) {
        sl_row_narrow(rho, exponent, columns, step->layer->v_exponent, seen, &count[SL_SAT_RHO]);
        return;
    }
    /* What lies behind a row's end moves by 0. */
    const uint32_t whole = i * columns + room <= SL_N_SYNAPSES;
    for (uint32_t j = 0; j < room; j++) {
        scratch->row_y[j] = j < columns ? sl_rounded(-factor, step->q[j]) : 0;
    }
    if (whole) {
        seen = sl_step_rho(rho, scratch->row_y, room, right, word, scratch->column_word,
                           &count[SL_SAT_GRADIENT]);
    } else {
        seen = sl_step_rho(rho, scratch->row_y, columns, right, word, scratch->column_word,
                           &count[SL_SAT_GRADIENT]);
    }
    sl_row_narrow(rho, exponent, columns, step->layer->v_exponent, seen, &count[SL_SAT_RHO]);
}

SL_INLINE void sl_first_update(uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                               const int32_t *delta, int32_t *q) {
    const sl_layer_t *layer = &sl_layers[0];
    const uint32_t columns = layer->columns;
    const int16_t *x = scratch->input;
    const int8_t *exponents = state->rho_exponent + layer->first;
    uint32_t *count = scratch->saturations;
    int32_t *g = scratch->block_c;
    sl_gather(delta, columns, 1, g);
    const uint32_t some_g = sl_largest(g, columns) != 0;
    const uint32_t some_q = !SL_REPLAYING(state) && sl_largest(q, columns) != 0;
    const int32_t lasting_g = sl_lanes_of(g, columns, sl_step_gain(&scratch->step, 0));
    const int32_t lasting_q =
        sl_lanes_of(q, columns, (sl_scale_t){SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT});

    /* A threshold that no factor reaches, and no share of the samples. */
    const sl_factors_t none = {scratch->reach, SL_RIGHT_MAX, 0, 1};
    sl_first_step_t step = {layer, none, none, 1, 0, 0, q};
    if (scratch->n_active != 0 && some_g) {
        step.for_mu = sl_factors_of(scratch->reach, lasting_g + 23 - layer->mu_frac_bits,
                                    SL_RIGHT_MIN_MU, SL_DRAWN_MU, &count[SL_SAT_GRADIENT]);
    }
    if (scratch->n_active != 0 && some_q) {
        step.for_rho = sl_factors_of(scratch->reach_squared, lasting_q + 10, SL_RIGHT_MIN_RHO,
                                     SL_DRAWN_RHO, &count[SL_SAT_GRADIENT]);
    }
    step.right = (uint32_t)sl_max32(step.for_mu.right, 1);
    step.times = 1u << (step.right - (uint32_t)step.for_mu.right);
    step.mask = (1u << step.right) - 1;
    for (uint32_t j = 0; j < columns; j++) {
        sl_columns_set(&scratch->columns, j, g[j], scratch->column_word[j] & step.mask);
        sl_columns_set_rho(&scratch->columns, j, q[j], scratch->column_word[j] >> 16);
    }
    sl_columns_begin(&scratch->columns, step.for_rho.right - SL_STEP_MORE_BITS);
    sl_stepped_t stepped;
    sl_stepped_rows(key, x, exponents, step.for_mu, step.for_rho, &stepped);
    /* Both of some rows, while these are at hand; a step of mu takes rho as it was. */
    for (uint32_t first = 0; first < SL_FACTOR_ROOM; first += SL_MASK) {
        uint64_t mask = some_g ? sl_columns_mask(stepped.of_mu + first) : 0;
        for (; mask != 0; mask &= mask - 1) {
            const uint32_t i = first + (uint32_t)__builtin_ctzll(mask);
            sl_first_step_mu(&step, i, stepped.of_mu[i], stepped.word[i], state, scratch);
        }
        mask = some_q ? sl_columns_mask(stepped.of_rho + first) : 0;
        for (; mask != 0; mask &= mask - 1) {
            const uint32_t i = first + (uint32_t)__builtin_ctzll(mask);
            sl_first_step_rho(&step, i, stepped.of_rho[i], stepped.word[i], state, scratch);
        }
    }
}
