/* What recurrent connections keep in the scratch until the step has passed. */
#pragma once

#include "sl_lanes.h"
#include "sl_time_types.h"

#define SL_RECURRENCE_SCRATCH                                                                      \
    sl_trace_t new_own_trace[SL_N_OWN_TRACES + 1];                                                 \
    sl_own_t new_own[SL_N_OWN_SPIKES];
