/* Where a gradient passes from a layer's inputs to the pre-activations that made them: through
 * spikes as their derivative says. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

enum {
    SL_GATED = 1,
    SL_GATE_FRAC_BITS = 7,
};

static inline const sl_gate_t *sl_gates(const sl_scratch_t *scratch) {
    return scratch->gate;
}

/* A gradient by a trace, and what of it reaches the membrane. */
static inline int32_t sl_gated(int32_t gradient, sl_gate_t gate) {
    return (gradient * (int32_t)gate + (1 << (SL_GATE_FRAC_BITS - 1))) >> SL_GATE_FRAC_BITS;
}
