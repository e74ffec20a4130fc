/* What events are counted from when the step has passed. */
#pragma once

#define SL_EVENTS_SCRATCH sl_trace_t new_reference[SL_N_FEATURES];
