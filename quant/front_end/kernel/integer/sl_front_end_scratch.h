/* What the front end keeps in the scratch: statistics that become the state's on learning. */
#pragma once

#include "sl_config.h"

#if SL_STANDARDISE
#define SL_FRONT_END_SCRATCH                                                                       \
    int32_t new_mean[SL_N_FEATURES];                                                               \
    uint32_t new_variance[SL_N_FEATURES];                                                          \
    int16_t new_exponent[SL_N_FEATURES];                                                           \
    uint32_t new_count;
#else
#define SL_FRONT_END_SCRATCH uint32_t new_count;
#endif
