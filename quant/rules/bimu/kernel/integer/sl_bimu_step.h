/* The step of a belief in integers, and its rounding. Golden model: golden_steps.py. */
#pragma once

#include <stdint.h>

#include "sl_bimu.h"

enum {
    SL_DITHER = (1 << SL_STEP_FRAC_BITS) - 1, /* bits of it */
    SL_RAREST = 8,                            /* a row is taken once in up to 2^8 samples */
    SL_SHRINK_LAST = 255,
};

static const uint16_t sl_shrink_table[SL_SHRINK_LAST + 1] = SL_SHRINK_TABLE;

/* What a layer's lanes stand for: lane * 2^-right is a step in LSBs, .12. */
typedef struct {
    int32_t right, half;
} sl_shift_t;

SL_FOLD int32_t sl_round(int32_t x, sl_shift_t shift) {
    return (x + shift.half) >> shift.right;
}

/* The step of a belief against the gradient, .12; `entry`: its own of the table. g is a lane times
 * x, q one of the noise times x^2. A calm one is known to be worth less than a sixteenth of
 * shrinking. */
SL_FOLD int32_t sl_step(const int32_t *entry, int32_t g, int32_t q, sl_shift_t by,
                        sl_shift_t by_noisy, uint32_t calm) {
    const int32_t t = sl_low_half(entry[0]), slope = entry[SL_STEPS];
    const int32_t m = sl_round(g, by) - ((sl_low_half(slope) * sl_round(q, by_noisy) + 128) >> 8);
    const int32_t y = (m * (slope >> 21) + 512) >> 10;
    uint32_t worth = 0;
    if (!calm) {
        const uint32_t against = sl_abs32(y) + (uint32_t)((y * t) >> 8);
        worth = against * SL_CAUTION_MANTISSA >> SL_CAUTION_SHIFT;
        worth = worth < SL_SHRINK_LAST ? worth : SL_SHRINK_LAST;
    }
    const int32_t step = (y * sl_shrink_table[worth] + 512) >> 10;
    const int32_t outwards = ((int32_t)sl_abs32(step) * t + 128) >> 8;
    return step + ((outwards * SL_SETTLE + 512) >> 10);
}

/* Takes the step from a belief, rounded at random; few move, so few are stored on a chip. */
SL_FOLD void sl_move(sl_belief_t *belief, int32_t b, int32_t step, int32_t doubled,
                     uint32_t dither) {
    const int32_t by =
        ((int32_t)((uint32_t)step << doubled) + (int32_t)dither) >> SL_STEP_FRAC_BITS;
    if (SL_ON_HOST || by != 0) {
        *belief = (sl_belief_t)sl_clamp32(b - by, -SL_BELIEF_MAX, SL_BELIEF_MAX);
    }
}
