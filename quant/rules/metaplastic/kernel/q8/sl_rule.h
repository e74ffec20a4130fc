/* The metaplastic rule in integers, one byte per synapse: layers and scratch. Formats and bounds:
 * the rule's NUMBERS.md. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_metaplastic_blocks.h"
#include "sl_metaplastic_scratch.h"
#include "sl_status.h"

SL_STATIC_ASSERT(sizeof(sl_state_t) % 4 == 0, "weights must begin and end at a word");

/* One layer: a row is an input (the bias is the last), a column a unit; a row of weights has
 * `width` bytes, `columns` rounded up to a whole word. */
typedef struct {
    uint32_t rows, columns, width;
    uint32_t weight; /* offset of its first weight */
    uint32_t sums;   /* index of its first sum */
    int32_t gain;    /* learning rate, Q.8 */
    int32_t backward_shift;
    SL_LAYER_MORE
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    int32_t logit_sum[SL_N_OUTPUTS];          /* Q.16 */
    int32_t sums[SL_N_SUMS];                  /* sum of x b(w), by layer, [width] */
    int32_t delta[SL_MAX_WIDTH];              /* gradient by a layer's sums, Q.12 */
    int32_t below[SL_MAX_WIDTH];              /* the same of the layer below */
    uint32_t norm_mantissa[SL_N_LAYERS];      /* root of the input's sum of squares */
    int32_t norm_exponent[SL_N_LAYERS];       /* norm = mantissa * 2^-exponent */
    int16_t input[SL_N_INPUTS + 1];           /* Q3.4; last: the bias's */
    uint16_t row[SL_MAX_ROWS];                /* rows in use: x > 0 from the front, x < 0 behind */
    uint8_t row_size[(SL_MAX_ROWS + 3) & ~3]; /* |x| of each */
    uint16_t column[SL_MAX_WIDTH];     /* columns that fire, or have a gradient; words to sum */
    int16_t column_step[SL_MAX_WIDTH]; /* pulses of each, signed */
    uint16_t column_dither[SL_MAX_WIDTH];
    SL_BLOCKS_SCRATCH(int32_t) /* scores: Q.4 */
    SL_HIDDEN_SCRATCH
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;

/* After predicting: how many hidden units are inside the window, undecided about the sample. Far
 * more than usual say that it is unlike what was learned. */
SL_API uint32_t sl_rule_undecided(const sl_scratch_t *scratch);
