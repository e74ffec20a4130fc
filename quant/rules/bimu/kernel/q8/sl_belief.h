/* A belief in one byte: lambda, Q2.5. */
#pragma once

#include <stdint.h>

typedef int8_t sl_belief_t;

enum {
    SL_BELIEF_MAX = 127,
    SL_STEP_FRAC_BITS = 12, /* of a step, in LSBs */
};

/* Where tables have it, -127 to 127. */
static inline int32_t sl_belief_byte(int32_t belief) {
    return belief;
}
