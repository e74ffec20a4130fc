/* What BiMU's spiking units in float32 leave in the scratch: charges, and the traces of spikes. */
#pragma once

#include "sl_time_scratch.h"

#define SL_HIDDEN_SCRATCH                                                                          \
    float block_a[SL_MAX_UNITS * SL_N_LANES];    /* charges */                                     \
    float hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* inputs of later layers, [row][draw] */         \
    SL_TIME_SCRATCH
