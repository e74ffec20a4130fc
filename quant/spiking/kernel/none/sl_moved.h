/* Without spiking layers no membrane remembers the weights of then. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

SL_FOLD void sl_time_take_back(uint32_t index, const int32_t *delta, const int32_t *inverse,
                               int32_t mantissa, int32_t exponent, sl_scratch_t *scratch) {
    (void)index;
    (void)delta;
    (void)inverse;
    (void)mantissa;
    (void)exponent;
    (void)scratch;
}
