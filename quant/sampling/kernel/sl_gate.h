/* Where a gradient passes from a layer's inputs to the pre-activations that made them: through ReLU
 * where the input is above 0, through spikes as their derivative says. */
#pragma once

#include "sl_rule.h"

#ifdef SL_SPIKING

#include "sl_spiking.h"

#define SL_GATED 1
typedef uint8_t sl_gate_t;

static inline const sl_gate_t *sl_gates(const sl_scratch_t *scratch) {
    return scratch->gate;
}

#define sl_gated sl_spiking_through

#else

#define SL_GATED 0
typedef int16_t sl_gate_t;

static inline const sl_gate_t *sl_gates(const sl_scratch_t *scratch) {
    return scratch->hidden;
}

#define sl_gated(gradient, gate) (gradient)

#endif
