/* What the front end keeps in the scratch: statistics that become the state's on learning. */
#pragma once

#include "sl_config.h"
#include "sl_feature_scratch.h"
#include "sl_hold.h"

typedef struct {
    float mean, variance, reference;
    uint16_t count;
    sl_memory_t memory;
} sl_feature_t;
