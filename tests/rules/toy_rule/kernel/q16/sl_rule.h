/* The toy rule: layers and scratch. */
#pragma once
#include "sl_build.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_status.h"

typedef struct {
    uint32_t rows, columns, weight;
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

typedef struct {
    uint32_t saturations[SL_N_SAT];
    int32_t logit_sum[SL_N_OUTPUTS]; /* Q.16 */
    int16_t input[SL_N_FEATURES + 1];
    int16_t hidden[SL_N_LAYERS][SL_TOY_WIDEST];
    SL_FRONT_END_SCRATCH
    SL_HEAD_SCRATCH
} sl_scratch_t;
