/* What the two passes of BiMU in integers share; the rule's NUMBERS.md. */
#pragma once

#include "sl_integer.h"
#include "sl_rule.h"

enum { SL_SIGN = 16 }; /* of a unit, in Q3.4 */

/* Of the byte lambda + 128: tanh, Q0.8, in the low half, 1 - tanh^2, Q0.15, in the high one. */
extern const int32_t sl_belief_table[256];

static inline int32_t sl_entry(int8_t belief) {
    return sl_belief_table[belief + 128];
}

static inline int32_t sl_tanh(int32_t entry) {
    return (int16_t)entry;
}

/* The pre-activations of the units whose signs are a later layer's inputs, but for its bias. */
static inline const int32_t *sl_units_below(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->sums + sl_layers[index - 1].unit * L;
}
