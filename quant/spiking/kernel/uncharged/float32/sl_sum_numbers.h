/* Sums over traces in float32: the equations of streamlearn/spiking.py. */
#pragma once

#include "sl_time_types.h"

#define SL_TRACE_INPUT_MAX (127.0f / 16)

/* A trace of spikes as an input. */
static inline sl_passed_t sl_sum_input(sl_passed_t trace) {
    return trace > SL_TRACE_INPUT_MAX ? SL_TRACE_INPUT_MAX : trace /* NaN passes */;
}
