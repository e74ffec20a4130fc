/* Where a gradient passes from a layer's inputs to the pre-activations that made them: through ReLU
 * where the input is above 0. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

enum { SL_GATED = 0 };
typedef int16_t sl_gate_t;

static inline const sl_gate_t *sl_gates(const sl_scratch_t *scratch) {
    return scratch->hidden;
}

static inline int32_t sl_gated(int32_t gradient, sl_gate_t gate) {
    (void)gate;
    return gradient;
}
