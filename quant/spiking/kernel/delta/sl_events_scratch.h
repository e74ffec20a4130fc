/* What events are counted from when the step has passed. */
#pragma once

#include <stdint.h>

#define SL_EVENTS_SCRATCH int16_t new_reference[SL_N_FEATURES];
