/* What spiking units of the metaplastic rule leave in the scratch: charges, traces of spikes. */
#pragma once

#include <stdint.h>

#include "sl_time_scratch.h"

#define SL_HIDDEN_SCRATCH                                                                          \
    int32_t block_a[SL_MAX_WIDTH];    /* charges, Q15.16 */                                        \
    int16_t hidden[SL_N_HIDDEN_ROWS]; /* inputs of later layers, Q3.4 */                           \
    SL_TIME_SCRATCH

/* Of a layer: its first unit, and what its sums are measured in, mantissa * 2^-exponent. */
#define SL_LAYER_MORE                                                                              \
    uint32_t unit;                                                                                 \
    uint32_t mantissa;                                                                             \
    int32_t exponent;
