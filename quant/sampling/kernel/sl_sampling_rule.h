/* What the sl_rule.h of every rule that samples pre-activations begins with. */
#pragma once

#include <stdint.h>

#include "sl_average_scratch.h"
#include "sl_config.h"
#include "sl_front_end_scratch.h"
#include "sl_head_scratch.h"
#include "sl_inputs.h"
#include "sl_lanes.h"
#include "sl_status.h"
#include "sl_step_scratch.h"
#include "sl_time_scratch.h"

/* Has a forward pass without draws beside that with them: sl_rule_forward_mean. */
#define SL_RULE_DRAWS

/* Where a layer lies: a row is an input (the bias is the last), a column a unit. synapse, unit:
 * index of its first one; hidden: row of its first input in scratch.hidden (from layer 1 on);
 * later: as unit, layer 0 not counted; first: rows of all layers before it, where the sweep counts
 * from. */
#define SL_LAYER_PLACE                                                                             \
    uint32_t rows, columns, fan_in;                                                                \
    uint32_t synapse, hidden, unit, later, first;

/* Near the beginning of the scratch: what is short, for an instruction reaches no further. */
#define SL_SAMPLING_FIRST                                                                          \
    sl_step_t step;                                                                                \
    SL_AVERAGE_SCRATCH                                                                             \
    uint32_t n_active;

/* The end of the scratch; active: rows of layer 0 whose input is not 0. */
#define SL_SAMPLING_SCRATCH                                                                        \
    SL_FRONT_END_SCRATCH                                                                           \
    SL_TIME_SCRATCH                                                                                \
    uint16_t active[SL_LISTS_ACTIVE ? SL_N_INPUTS + 1 : 1];                                        \
    SL_HEAD_SCRATCH
