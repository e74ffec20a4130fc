/* The metaplastic rule in float32: layers and scratch. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_lanes.h"
#include "sl_metaplastic_blocks.h"
#include "sl_metaplastic_scratch.h"
#include "sl_status.h"

/* One layer: a row is an input (the bias is the last), a column a unit. */
typedef struct {
    uint32_t rows, columns;
    uint32_t weight;      /* index of its first */
    uint32_t unit;        /* index of its first unit */
    float rate;           /* how far a gradient of 1 moves a weight */
    float metaplasticity; /* the paper's m */
    float share;          /* of a gradient by its inputs that is passed down */
    float size;           /* what the sums of spiking units are measured in */
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    float logit_sum[SL_N_OUTPUTS];
    float norm[SL_N_LAYERS];                /* what a layer's sums are measured in */
    float block_a[SL_PADDED(SL_MAX_UNITS)]; /* a layer's sums; then charges of spiking units */
    float delta[SL_PADDED(SL_MAX_UNITS)];   /* gradient by a layer's sums */
    float below[SL_PADDED(SL_MAX_UNITS)];   /* the same of the layer below */
    float lanes[SL_N_OUTPUTS * SL_N_LANES]; /* logits, as the head reads them */
    float input[SL_N_INPUTS + 1];           /* last: the bias's */
    SL_BLOCKS_SCRATCH(float)
    SL_HIDDEN_SCRATCH
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;

/* After predicting: how many hidden units are inside the window, undecided about the sample. */
SL_API uint32_t sl_rule_undecided(const sl_scratch_t *scratch);
