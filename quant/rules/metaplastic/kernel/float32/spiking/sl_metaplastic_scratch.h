/* What spiking units of the metaplastic rule in float32 leave in the scratch: traces of spikes. */
#pragma once

#include "sl_time_scratch.h"

#define SL_HIDDEN_SCRATCH                                                                          \
    float hidden[SL_N_HIDDEN_ROWS]; /* inputs of later layers */                                   \
    SL_TIME_SCRATCH
