/* BiMU in float32: layers and scratch. */
#pragma once

#include <stdint.h>

#include "sl_bimu_scratch.h"
#include "sl_build.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_lanes.h"
#include "sl_status.h"
#include "sl_types.h"

/* Has a forward pass without draws beside that with them: sl_rule_forward_mean. */
#define SL_RULE_DRAWS

/* A desk keeps what the forward pass found of the weights for learning; a chip computes it again.
 * Of weights +-1 the mean is enough. */
#define SL_KEEPS_LAWS SL_ON_HOST
enum { SL_KEPT_PARTS = SL_RELAXED ? 4 : 1 };

/* One layer: a row is an input (the bias is the last), a column a unit. */
typedef struct {
    uint32_t rows, columns;
    uint32_t belief; /* index of its first */
    uint32_t unit;   /* index of its first unit */
    uint32_t first;  /* rows of the layers before */
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. Arrays over units are [unit][draw]
 * if they have draws. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    float logit_sum[SL_N_OUTPUTS];                          /* over the draws */
    float size[SL_N_LAYERS];                                /* deviation of a layer's sums */
    float sums[SL_N_UNITS * L];                             /* pre-activations, then normalised */
    float inverse[SL_N_UNITS * L];                          /* 1/deviation of each */
    float epsilon[SL_N_UNITS * L];                          /* noise */
    float delta[SL_MAX_UNITS * L];                          /* logits; gradient by a layer's sums */
    float below[SL_MAX_UNITS * L];                          /* the same of the layer below */
    float noisy[SL_MAX_UNITS * L];                          /* delta times noise over deviation */
    float lane[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)];       /* delta, [draw][unit] */
    float noisy_lane[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* noisy, [draw][unit] */
    float row_mean[SL_PADDED(SL_MAX_UNITS)];                /* of a row's weights */
    float row_power[SL_PADDED(SL_MAX_UNITS)];               /* their variance, or a sum of it */
    float input[SL_N_INPUTS + 1];                           /* last: the bias's 1 */
    float law[SL_KEEPS_LAWS ? SL_KEPT_PARTS * SL_N_SYNAPSES : 1];
    SL_HIDDEN_SCRATCH
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;
