/* What recurrent connections keep in the scratch until the step has passed. */
#pragma once

#include <stdint.h>

#include "sl_lanes.h"

#define SL_RECURRENCE_SCRATCH                                                                      \
    int16_t new_own_trace[SL_N_OWN_TRACES + 1];                                                    \
    uint8_t new_own[SL_N_OWN_SPIKES];
