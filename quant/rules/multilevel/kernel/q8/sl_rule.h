/* Weights of few levels in integers, two bytes per synapse: layers and scratch. Formats and bounds:
 * the rule's NUMBERS.md. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_lanes.h"
#include "sl_status.h"

/* One layer: a row is an input (the bias is the last), a column a unit; a row has `width` bytes,
 * `columns` rounded up to a whole word. */
typedef struct {
    uint32_t rows, columns, width;
    uint32_t level;         /* offset of its first level, and of its first counter */
    uint32_t first;         /* rows of the layers before */
    uint32_t gain_mantissa; /* probability that a gradient of 1 moves a weight */
    int32_t gain_exponent;
    int32_t back;          /* 1/(steps * root of columns), Q.16 */
    uint32_t growth, rare; /* probability that a counter rises, Q0.16, once in 2^rare samples */
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    int32_t logit_sum[SL_N_OUTPUTS];     /* Q.16 */
    int32_t logits[SL_N_OUTPUTS * L];    /* Q.16; then their gradient, Q4.20 */
    int32_t sums[SL_MAX_WIDTH];          /* of a layer, .4 times steps */
    int32_t delta[SL_MAX_WIDTH];         /* gradient by a layer's sums, Q.16 */
    int32_t below[SL_MAX_WIDTH];         /* the same of the layer below */
    uint32_t chance[SL_MAX_WIDTH];       /* that a column steps, for an input of 1/16, Q0.24 */
    uint32_t norm_mantissa[SL_N_LAYERS]; /* root of the input's sum of squares */
    int32_t norm_exponent[SL_N_LAYERS];  /* norm = mantissa * 2^-exponent */
    uint16_t column[SL_MAX_WIDTH];       /* dither */
    int16_t input[SL_N_FEATURES + 1];    /* Q3.4; last: the bias's */
    uint8_t units[SL_N_ROWS];            /* inputs of later layers, Q3.4 */
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;
