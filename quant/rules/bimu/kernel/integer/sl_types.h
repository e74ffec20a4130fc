/* What BiMU computes with. */
#pragma once

#include <stdint.h>

typedef int16_t sl_value_t; /* of noise, Q7.8 */

/* A drawn output, Q.16: of output * L + draw, until learning leaves other things in its place. */
#define SL_DRAWN(scratch, e) ((scratch)->logits[e])
#define SL_LOGIT_UNIT        65536.0 /* of a logit and of logit_sum: Q.16 */
