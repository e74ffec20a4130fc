/* BiMU in integers: layers and scratch. Formats and bounds: the rule's
 * NUMBERS.md. */
#pragma once

#include <stdint.h>

#include "sl_bimu_scratch.h"
#include "sl_build.h"
#include "sl_config.h"
#include "sl_first_scratch.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_lanes.h"
#include "sl_status.h"
#include "sl_types.h"

/* Has a forward pass without draws beside that with them: sl_rule_forward_mean. */
#define SL_RULE_DRAWS

SL_STATIC_ASSERT(sizeof(sl_state_t) % 4 == 0, "beliefs must begin and end at a word");

/* One layer: a row is an input (the bias is the last), a column a unit; a row of beliefs has
 * `width` numbers, `columns` rounded up to a multiple of four. */
typedef struct {
    uint32_t rows, columns, width;
    uint32_t belief; /* offset of its first */
    uint32_t unit;   /* index of its first unit */
    uint32_t first;  /* rows of the layers before */
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* A row whose input is not 0. */
typedef struct {
    int32_t pair;    /* x, and above it x^2, scaled */
    uint32_t offset; /* of its beliefs */
} sl_used_t;

/* A deviation, mantissa * 2^-exponent; the mantissa has 16 bits, or is 0. */
typedef struct {
    uint32_t mantissa;
    int32_t exponent;
} sl_size_t;

/* Contents between calls do not matter, but for the counters. Arrays over units are [unit][draw]
 * if they have draws. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    int64_t logit_sum[SL_N_OUTPUTS];      /* over the draws, Q.16 */
    int32_t sums[SL_N_UNITS * L];         /* pre-activations, .12 */
    int32_t logits[SL_N_OUTPUTS * L];     /* Q.16 */
    uint32_t spread[SL_N_SPREADS];        /* deviation of each, .12; see sl_spreads */
    sl_size_t size[SL_N_LAYERS];          /* deviation of a layer's sums from their mean */
    uint32_t deviation[SL_N_LAYERS];      /* the same, .12 */
    int32_t mean[SL_N_LAYERS];            /* .12 */
    int32_t shift;                        /* leaves 15 bits of the largest of the last layer */
    uint32_t square;                      /* mean square of what is left */
    int32_t delta[SL_MAX_UNITS * L];      /* gradient by a layer's normalised sums, Q.16 */
    int32_t below[SL_MAX_UNITS * L];      /* the same of the layer below */
    int32_t noisy[SL_MAX_UNITS * L];      /* delta times noise over deviation, Q.16 */
    sl_used_t used[SL_MAX_ROWS];          /* rows of layer 0 */
    int16_t epsilon[SL_N_UNITS * L];      /* Q7.8 */
    int16_t lane[SL_MAX_UNITS * L];       /* delta, scaled */
    int16_t noisy_lane[SL_MAX_UNITS * L]; /* noisy, scaled */
    int16_t lane_sum[SL_MAX_UNITS];       /* over the draws; of the columns that learn, as are: */
    int16_t noisy_sum[SL_MAX_UNITS];      /* noisy, scaled, over the draws */
    uint16_t dither[SL_MAX_UNITS];
    uint16_t learns[SL_MAX_UNITS];  /* which column */
    uint16_t column[SL_MAX_UNITS];  /* dither of each */
    int16_t input[SL_N_INPUTS + 1]; /* Q3.4; last: the bias's */
    SL_FIRST_SCRATCH
    SL_HIDDEN_SCRATCH
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;
