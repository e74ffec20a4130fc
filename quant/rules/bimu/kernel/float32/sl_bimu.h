/* What the two passes of BiMU in float32 share. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"
#include "sl_vector.h"

#define SL_BELIEF_MAX (127.0f / 32)

SL_FOLD sl_vector_t sl_within_f32(sl_vector_t x, float most) {
    return sl_most(sl_least(x, sl_spread(most)), sl_spread(-most));
}

/* tanh by Lambert's fraction, cut at its ninth term: to 4e-7 within the ends of a belief. */
SL_FOLD sl_vector_t sl_tanh_f32(sl_vector_t belief) {
    const sl_vector_t x = sl_within_f32(belief, SL_BELIEF_MAX), z = x * x;
    sl_vector_t over = z + sl_spread(990.0f);
    over = sl_multiply_add(over, z, sl_spread(135135.0f));
    over = sl_multiply_add(over, z, sl_spread(4729725.0f));
    over = sl_multiply_add(over, z, sl_spread(34459425.0f));
    sl_vector_t under = sl_multiply_add(z, sl_spread(45.0f), sl_spread(13860.0f));
    under = sl_multiply_add(under, z, sl_spread(945945.0f));
    under = sl_multiply_add(under, z, sl_spread(16216200.0f));
    under = sl_multiply_add(under, z, sl_spread(34459425.0f));
    return x * over / under;
}
