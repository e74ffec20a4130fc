/* What a hidden layer in integers hands on: ReLU. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"

enum {
    SL_ACTIVATION_FRAC_BITS = 8,
    SL_ACTIVATION_BITS = 15,
};

/* ReLU of Q15.16 in at most 15 bits: Q7.8, or as many fraction bits as the largest leaves. */
SL_ONE_COPY static int32_t sl_rectify(const int32_t *a, uint32_t n, int16_t *hidden) {
    uint32_t seen = 0; /* has as many bits as the largest */
    const int32_t *end = a + n;
    SL_UNROLL_FOUR
    for (const int32_t *at = a; at != end; at++) {
        seen |= (uint32_t)sl_max32(*at, 0);
    }
    const int32_t whole = sl_bit_length(seen) - 16;
    const int32_t frac_bits = sl_min32(SL_ACTIVATION_FRAC_BITS, SL_ACTIVATION_BITS - whole);
    const int32_t right = 16 - frac_bits;
    SL_UNROLL_FOUR
    for (; a != end; a++) {
        *hidden++ = (int16_t)(sl_max32(*a, 0) >> right);
    }
    return frac_bits;
}

/* From a layer's first `lanes` lanes to scratch.hidden, from `to` on. Returns its fraction bits. */
SL_FOLD int32_t sl_activate(uint32_t index, uint32_t draws, uint32_t lanes, uint32_t to,
                            const sl_state_t *state, sl_scratch_t *scratch) {
    (void)draws;
    (void)state;
    return sl_rectify(scratch->block_a, sl_layers[index].columns * lanes, scratch->hidden + to);
}
