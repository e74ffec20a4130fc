/* A belief in two bytes: lambda, Q2.13. The high one, rounded, is what one byte would be. */
#pragma once

#include <stdint.h>

typedef int16_t sl_belief_t;

enum {
    SL_BELIEF_MAX = 127 << 8,
    SL_STEP_FRAC_BITS = 4, /* of a step, in LSBs */
};

/* Where tables have it, -127 to 127. */
static inline int32_t sl_belief_byte(int32_t belief) {
    return (belief + 128) >> 8;
}
