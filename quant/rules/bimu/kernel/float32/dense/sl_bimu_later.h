/* The inputs of BiMU's later layers in float32 as gates: how sums and gradients take them. */
#pragma once

#include "sl_bimu.h"

/* Those of a layer, [unit][draw], but for its bias; and how many rows they are. */
static inline const float *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->gate + sl_layers[index - 1].unit * L;
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_layers[index - 1].columns;
}

/* The square of 0 or 1. */
SL_FOLD sl_vector_t sl_later_square(sl_vector_t x) {
    return x;
}

/* What a gate compares with its threshold. */
SL_FOLD sl_vector_t sl_distance_f32(sl_vector_t y) {
    return SL_GATE_SIDES == 2 ? sl_most(y, -y) : y;
}

/* What of a gradient by a layer's inputs, the e-th on, reaches the units below: those near their
 * gate's ends. inverse: 1 over the size of the layer's sums. */
SL_FOLD sl_vector_t sl_later_passed(const sl_scratch_t *scratch, uint32_t index, uint32_t e,
                                    sl_vector_t gradient, sl_vector_t inverse) {
    const float *y = scratch->sums + sl_layers[index - 1].unit * L;
    const sl_vector_t at = sl_load(y + e, V), none = sl_spread(0);
    const sl_vector_t away = sl_distance_f32(at) - sl_spread(SL_GATE_THRESHOLD);
    const sl_vector_t slope =
        SL_GATE_SIDES == 1 ? inverse
                           : sl_select(at > none, inverse, sl_select(at < none, -inverse, none));
    const sl_mask_t near = sl_most(away, -away) < sl_spread(SL_GATE_WINDOW);
    return sl_select(near, slope * gradient, none);
}
