/* What an adaptive step keeps in the scratch, in float32. */
#pragma once

#include <stdint.h>

#include "sl_config.h"

typedef struct {
    float factor;              /* the multiplier m of lr_mu */
    float slope;               /* of the loss along the last layer's recent movement */
    float widest[SL_N_LAYERS]; /* the largest spread in each layer */
} sl_step_t;
