/* What spiking layers keep in the scratch: traces that become the state's when a step has passed.
 */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_events_scratch.h"
#include "sl_lanes.h"
#include "sl_recurrence_scratch.h"
#include "sl_time_types.h"

#define SL_IN_TIME 1

/* Whether the step is to be learned from: a chip leaves out of all others what only learning takes;
 * but for a rule whose undecided units are counted by that after a prediction. */
#define SL_LEARNED(scratch) (SL_ON_HOST || SL_SMALL || SL_COUNTS_UNDECIDED || (scratch)->learned)

/* One at least, and what follows begins with a word. */
#define SL_TRACES(n) ((n) / 2 * 2 + 2)

#define SL_TIME_SCRATCH                                                                            \
    uint32_t learned;                                                                              \
    SL_EVENTS_SCRATCH                                                                              \
    SL_RECURRENCE_SCRATCH                                                                          \
    sl_charge_t new_mean[SL_N_CHARGES + 1], new_variance[SL_N_CHARGES + 1];                        \
    sl_trace_t new_input_trace[SL_TRACES(SL_N_INPUTS)];                                            \
    sl_trace_t new_reset[SL_TRACES(SL_N_HIDDEN_UNITS * SL_N_DRAWS)];                               \
    sl_trace_t new_output[SL_TRACES(SL_N_HIDDEN_UNITS * SL_N_DRAWS)];                              \
    uint32_t new_events[SL_N_LAYERS], new_live[SL_N_LAYERS];                                       \
    sl_gate_t gate[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* as scratch.hidden */
