/* What sampling in integers computes with. */
#pragma once

#include <stdint.h>

typedef int16_t sl_value_t;  /* of inputs, activations and noise */
typedef int32_t sl_sum_t;    /* of products; pre-activations; gradients */
typedef uint32_t sl_power_t; /* of squares */

/* A drawn output, Q.16: of output * L + draw, until learning leaves other things in its place. */
#define SL_DRAWN(scratch, e) ((scratch)->block_a[e])
#define SL_LOGIT_UNIT        65536.0 /* of block_a and of logit_sum: Q.16 */

/* Units of a tile: of the first layer; and of a later layer, each with all its draws. */
#define SL_FIRST_TILE 64
#define SL_LATER_TILE 5
