/* MESU in float32: layers and scratch. */
#pragma once

#include "sl_sampling_rule.h"

typedef struct {
    SL_LAYER_PLACE
    float mu_prior, prior_variance;
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    float logit_sum[SL_N_OUTPUTS];                       /* over the draws */
    float input[SL_N_FEATURES + 1];                      /* last: the bias's 1 */
    float hidden[SL_N_HIDDEN_ROWS * SL_N_LANES];         /* [row][draw] */
    float epsilon[SL_N_UNITS * SL_N_LANES];              /* by layer, [unit][draw] */
    float inverse_first[SL_PADDED(SL_FIRST_UNITS)];      /* 1/spread, layer 0 */
    float inverse[SL_N_LATER_UNITS * SL_N_LANES];        /* the later layers, [unit][draw] */
    float block_a[SL_MAX_UNITS * SL_N_LANES];            /* a, then delta */
    float block_b[SL_MAX_UNITS * SL_N_LANES];            /* power, then delta of the layer below */
    float block_r[SL_MAX_UNITS * SL_N_LANES];            /* mean, then delta epsilon / spread */
    float block_c[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* delta times its gain, [draw][unit] */
    float block_d[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* r times its gain, [draw][unit] */
    float row_w[SL_PADDED(SL_MAX_UNITS)]; /* layer 0's spread; the slope's gradient by unit */
    SL_SAMPLING_SCRATCH
} sl_scratch_t;

/* 1/spread of the first output in a draw. */
static inline float sl_rule_inverse(const sl_scratch_t *scratch, uint32_t draw) {
    const uint32_t later = sl_layers[SL_N_LAYERS - 1].later;
    return SL_N_LAYERS == 1 ? scratch->inverse_first[0] : scratch->inverse[later * L + draw];
}
