/* Where a gradient passes from a layer's inputs to the pre-activations that made them: through ReLU
 * where the input is above 0. */
#pragma once

#include "sl_rule.h"
#include "sl_vector.h"

static inline const float *sl_gates(const sl_scratch_t *scratch) {
    return scratch->hidden;
}

static inline sl_vector_t sl_gated(sl_vector_t gradient, sl_vector_t gate) {
    return sl_select(gate > sl_spread(0), gradient, sl_spread(0));
}
