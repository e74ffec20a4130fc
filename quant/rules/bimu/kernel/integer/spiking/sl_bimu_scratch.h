/* What BiMU's spiking units leave in the scratch: charges, and the traces of spikes. */
#pragma once

#include <stdint.h>

#include "sl_time_scratch.h"

#define SL_HIDDEN_SCRATCH                                                                          \
    int32_t block_a[SL_MAX_UNITS * SL_N_LANES];    /* charges, Q15.16 */                           \
    int16_t hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* inputs of later layers, Q3.4 */              \
    SL_TIME_SCRATCH
