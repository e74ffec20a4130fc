/* What an adaptive step keeps in the scratch, in integers. */
#pragma once

#include <stdint.h>

#include "sl_config.h"

/* mantissa * 2^-exponent, a mantissa of 15 bits. */
typedef struct {
    int32_t mantissa, exponent;
} sl_scale_t;

typedef struct {
    int32_t factor;              /* Q.12: the multiplier m of lr_mu */
    int32_t slope;               /* Q.16: of the loss along the last layer's recent movement */
    int32_t widest[SL_N_LAYERS]; /* Q.12: the largest spread in each layer */
} sl_step_t;
