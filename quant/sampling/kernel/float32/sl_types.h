/* What sampling in float32 computes with. */
#pragma once

#include <stdint.h>

typedef float sl_value_t; /* of inputs, activations and noise */
typedef float sl_sum_t;   /* of products; pre-activations; gradients */
typedef float sl_power_t; /* of squares */

#define SL_LOGIT_UNIT 1.0 /* of block_a and of logit_sum */

/* Units whose sums, of products and of squares, fill fourteen vector registers. */
#define SL_FIRST_TILE 56
#define SL_LATER_TILE (L > 56 ? 1 : 56 / L)
