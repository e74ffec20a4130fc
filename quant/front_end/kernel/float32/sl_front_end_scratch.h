/* What the front end keeps in the scratch: statistics that become the state's on learning. */
#pragma once

#include "sl_config.h"
#include "sl_hold.h"

typedef struct {
    float mean, variance, reference;
    uint16_t count;
    sl_memory_t memory;
} sl_feature_t;

#if SL_STANDARDISE
#define SL_FRONT_END_SCRATCH                                                                       \
    sl_feature_t new_feature[SL_N_FEATURES];                                                       \
    uint32_t new_count;
#else
#define SL_FRONT_END_SCRATCH uint32_t new_count;
#endif
