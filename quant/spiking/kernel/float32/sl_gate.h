/* Where a gradient passes from a layer's inputs to the pre-activations that made them: through
 * spikes as their derivative says. */
#pragma once

#include "sl_rule.h"
#include "sl_vector.h"

static inline const sl_gate_t *sl_gates(const sl_scratch_t *scratch) {
    return scratch->gate;
}

static inline sl_vector_t sl_gated(sl_vector_t gradient, sl_vector_t gate) {
    return gradient * gate;
}
