/* MESU in float32 with factored variance, sigma^2_ij = row_i column_j: layers and scratch. */
#pragma once

/* Rows whose input is not 0 are listed, and counted. */
#define SL_LISTS_ACTIVE  1
#define SL_COUNTS_ACTIVE 1

#include "sl_sampling_rule.h"

typedef struct {
    SL_LAYER_PLACE
    float mu_prior, prior_variance;
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    SL_SAMPLING_FIRST
    float logit_sum[SL_N_OUTPUTS];               /* over the draws */
    float input[SL_N_FEATURES + 1];              /* last: the bias's 1 */
    float hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* [row][draw] */
    float epsilon[SL_N_UNITS * SL_N_LANES];      /* by layer, [unit][draw] */
    float root[SL_N_LAYERS * SL_N_LANES];        /* sqrt(sum x^2 row) of each draw */
    float column_root[SL_N_UNITS];
#if SL_HEAD_SPREAD
    float inverse[SL_N_LANES]; /* 1/spread of the first output */
#endif
    float block_a[SL_MAX_UNITS * SL_N_LANES];            /* a, then delta */
    float block_b[SL_MAX_UNITS * SL_N_LANES];            /* delta of the layer below */
    float block_r[SL_MAX_UNITS * SL_N_LANES];            /* mean */
    float block_c[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* delta times its gain, [draw][unit] */
    float row_w[SL_PADDED(SL_MAX_UNITS)];                /* a row's step of mu */
    float row_y[SL_MAX_UNITS];                           /* curvature of the columns */
    SL_SAMPLING_SCRATCH
} sl_scratch_t;

/* The noise deviation of the first output, for heads that ask for it. */
#if SL_HEAD_SPREAD
static inline void sl_factored_keep_spread_f32(sl_scratch_t *scratch, uint32_t draw, float spread) {
    scratch->inverse[draw] = spread > 0 ? 1.0f / spread : 0.0f;
}

static inline float sl_rule_inverse(const sl_scratch_t *scratch, uint32_t draw) {
    return scratch->inverse[draw];
}
#else
static inline void sl_factored_keep_spread_f32(sl_scratch_t *scratch, uint32_t draw, float spread) {
    (void)scratch;
    (void)draw;
    (void)spread;
}
#endif

/* Nothing was drawn. */
static inline void sl_rule_no_spread(sl_scratch_t *scratch) {
    for (uint32_t s = 0; s < S; s++) {
        sl_factored_keep_spread_f32(scratch, s, 0.0f);
    }
}
