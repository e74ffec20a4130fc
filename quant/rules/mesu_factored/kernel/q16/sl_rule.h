/* MESU in integers with factored variance, sigma^2_ij = row_i column_j: layers and scratch.
 * Formats, shifts and bounds: the rule's NUMBERS.md. */
#pragma once

/* Rows whose input is not 0 are listed, and counted. */
#define SL_LISTS_ACTIVE  1
#define SL_COUNTS_ACTIVE 1

#include "sl_sampling_rule.h"

typedef struct {
    SL_LAYER_PLACE
    int32_t v_exponent, mu_prior_q; /* mu_prior_q: .20; pairs are mantissa * 2^-exponent */
    int32_t gain_row[2], gain_column[2], ratio_row[2], ratio_column[2], gain_pull[2];
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    SL_SAMPLING_FIRST
    int32_t frac_bits[SL_N_LAYERS];                /* of each layer's input; not the first */
    int64_t logit_sum[SL_N_OUTPUTS];               /* Q.16, over the draws */
    int16_t input[SL_N_FEATURES + 1];              /* Q3.4; last: the bias's 1 */
    int16_t hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* frac_bits[layer], [row][draw] */
    int16_t epsilon[SL_N_UNITS * SL_N_LANES];      /* Q7.8, by layer, [unit][draw] */
    uint32_t input_root[SL_N_LAYERS * SL_N_LANES]; /* sqrt(sum x^2 row) of each draw */
    int32_t input_exponent[SL_N_LAYERS * SL_N_LANES];
    uint16_t column_root[SL_N_UNITS];
    int32_t column_weight[SL_MAX_UNITS]; /* a layer's column factors at one exponent */
    int64_t by_column[SL_MAX_UNITS];     /* curvature of the columns */
#ifdef SL_HOST
    int32_t row_factor[SL_N_FEATURES + 1]; /* layer 0: a row's step of mu */
    int32_t row_right[SL_N_FEATURES + 1];
    uint32_t row_word[SL_N_FEATURES + 1];
#endif
#if SL_HEAD_SPREAD
    int32_t inverse[SL_N_LANES]; /* Q.18: 1/spread of the first output */
#endif
    int32_t block_a[SL_MAX_UNITS * SL_N_LANES]; /* a, then delta */
    int32_t block_b[SL_MAX_UNITS * SL_N_LANES]; /* mean, then delta of the layer below */
    int32_t block_c[SL_MAX_UNITS * SL_N_LANES]; /* delta, scaled for a product */
    int32_t row_w[SL_MAX_UNITS];                /* a row's step of mu */
    uint32_t column_word[SL_MAX_UNITS];         /* dither of the columns */
    SL_SAMPLING_SCRATCH
} sl_scratch_t;

/* Fraction bits of a layer's mu. */
static inline int32_t sl_rule_mu_frac_bits(const sl_state_t *state, uint32_t index) {
    return state->mu_frac_bits[index];
}

/* The noise deviation of the first output, for heads that ask for it. */
#if SL_HEAD_SPREAD
static inline void sl_factored_keep_spread_q16(sl_scratch_t *scratch, uint32_t draw,
                                               int32_t spread) {
    scratch->inverse[draw] = spread == 0 ? 0 : (1 << 30) / spread;
}

static inline int32_t sl_rule_inverse(const sl_scratch_t *scratch, uint32_t draw) {
    return scratch->inverse[SL_N_LAYERS == 1 ? 0 : draw];
}
#else
static inline void sl_factored_keep_spread_q16(sl_scratch_t *scratch, uint32_t draw,
                                               int32_t spread) {
    (void)scratch;
    (void)draw;
    (void)spread;
}
#endif

/* Nothing was drawn. */
static inline void sl_rule_no_spread(sl_scratch_t *scratch) {
    for (uint32_t s = 0; s < S; s++) {
        sl_factored_keep_spread_q16(scratch, s, 0);
    }
}
