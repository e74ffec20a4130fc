/* What weights are, by their beliefs: +-1, or relaxed between -1 and 1. The rule's law.py. */
#pragma once

#include "sl_bimu.h"

/* Mean and variance, and what a gradient is made of: the mean's derivative, and minus the
 * variance's over twice that. */
typedef struct {
    sl_vector_t mean, variance, slope, lean;
} sl_law_t;

/* Of weights +-1 by their mean. */
SL_FOLD sl_law_t sl_hard_f32(sl_vector_t t) {
    const sl_vector_t v = sl_spread(1) - t * t;
    const sl_law_t law = {t, v, v, t};
    return law;
}

enum { SL_SERIES = 8 };
#define SL_SERIES_END 0.75f /* the series is for smaller ones */

/* Of relaxed weights by their beliefs. */
SL_FOLD sl_law_t sl_relaxed_f32(sl_vector_t belief) {
    static const float series[SL_SERIES] = {
        2.0f / 3,     -4.0f / 45,     4.0f / 315,    -8.0f / 4725,
        4.0f / 18711, -2.5972851e-5f, 3.0696327e-6f, -3.5543374e-7f,
    };
    const sl_vector_t none = sl_spread(0), one = sl_spread(1), two = sl_spread(2);
    const sl_mask_t near = sl_most(belief, -belief) < sl_spread(SL_SERIES_END);
    const sl_vector_t small = sl_select(near, belief, none), z = small * small;
    sl_vector_t mean = none, slope = none, bend = none;
    for (int32_t k = SL_SERIES - 1; k >= 0; k--) {
        const float c = series[k], n = (float)(2 * k);
        mean = sl_multiply_add(mean, z, sl_spread(c));
        slope = sl_multiply_add(slope, z, sl_spread((n + 1) * c));
        bend = k > 0 ? sl_multiply_add(bend, z, sl_spread(n * (n + 1) * c)) : bend;
    }
    const sl_vector_t far = sl_select(near, one, belief);
    const sl_vector_t coth = one / sl_tanh_f32(far), over = coth * coth - one;
    const sl_vector_t above = far * coth - one, far_mean = coth - far * over;
    mean = sl_select(near, small * mean, far_mean);
    slope = sl_select(near, slope, two * above * over);
    bend = sl_select(near, small * bend / (two * slope), far_mean / (two * above) - coth);
    const sl_law_t law = {mean, one - slope - mean * mean, slope, mean + bend};
    return law;
}

SL_FOLD sl_law_t sl_found_f32(sl_vector_t belief) {
    return SL_RELAXED ? sl_relaxed_f32(belief) : sl_hard_f32(sl_tanh_f32(belief));
}

/* Of n synapses side by side, from the `at`-th on, in a learning step; of a vector at most. */
SL_FOLD sl_law_t sl_law_f32(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t at,
                            uint32_t n) {
    if (!SL_KEEPS_LAWS) {
        return sl_found_f32(sl_load(state->belief + at, n));
    }
    const float *kept = scratch->law + SL_KEPT_PARTS * at;
    const uint32_t part = n < V ? n : V;
    const sl_vector_t mean = sl_load(kept, n);
    if (!SL_RELAXED) {
        return sl_hard_f32(mean);
    }
    const sl_law_t law = {mean, sl_load(kept + part, n), sl_load(kept + 2 * part, n),
                          sl_load(kept + 3 * part, n)};
    return law;
}
