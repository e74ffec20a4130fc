/* What the front end keeps in the scratch: an sl_feature_t of each feature, if it standardises. */
#pragma once

#include "sl_config.h"

/* Statistics that become the state's on learning. */
#if SL_STANDARDISE
#define SL_FRONT_END_SCRATCH                                                                       \
    sl_feature_t new_feature[SL_N_FEATURES];                                                       \
    uint32_t new_count;
#else
#define SL_FRONT_END_SCRATCH uint32_t new_count;
#endif
