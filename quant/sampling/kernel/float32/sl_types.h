/* What sampling in float32 computes with. */
#pragma once

#include <stdint.h>

typedef float sl_value_t; /* of inputs, activations and noise */
typedef float sl_sum_t;   /* of products; pre-activations; gradients */
typedef float sl_power_t; /* of squares */

#define SL_LOGIT_UNIT 1.0 /* of block_a and of logit_sum */

static inline sl_value_t sl_value_of_q8(int16_t q8) {
    return (float)q8 / 256.0f;
}
