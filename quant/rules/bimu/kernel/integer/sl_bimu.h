/* What the two passes of BiMU in integers share; the rule's NUMBERS.md. */
#pragma once

#include "sl_belief.h"
#include "sl_integer.h"
#include "sl_rule.h"

enum { SL_SIGN = 16 }; /* of an open unit and of a bias, in Q3.4 */

/* A gate in a draw: whether it is open, and its slope. */
enum { SL_OPEN = 1, SL_RISING = 2, SL_FALLING = 4 };

/* Of a belief's byte + 128: tanh, Q0.8, in the low half, 1 - tanh^2, Q0.15, in the high one. */
extern const int32_t sl_belief_table[256];

static inline int32_t sl_entry(int32_t belief) {
    return sl_belief_table[sl_belief_byte(belief) + 128];
}

static inline int32_t sl_tanh(int32_t entry) {
    return (int16_t)entry;
}

/* The gates of the units that are a later layer's inputs, but for its bias. */
static inline const int8_t *sl_gates_below(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->gate + sl_layers[index - 1].unit * L;
}

/* Deviations of the pre-activations: layer 0 has one per unit, a later one has one per draw. */
static inline uint32_t *sl_spreads(sl_scratch_t *scratch, uint32_t index) {
    const uint32_t first = sl_layers[0].columns;
    return scratch->spread + (index == 0 ? 0 : first + (sl_layers[index].unit - first) * L);
}

/* A deviation of sums that are 0 in every draw has no inverse. */
static inline uint32_t sl_bimu_inverse(sl_size_t size) {
    return size.mantissa == 0 ? 0 : (1u << 31) / size.mantissa;
}

/* Mean and deviation of a layer's sums. */
void sl_bimu_normalise(uint32_t index, sl_scratch_t *scratch);

/* Whether each draw's unit is open, and the gate's slope. */
void sl_bimu_gate(uint32_t index, sl_scratch_t *scratch);

/* Takes a share of what only makes all outputs larger out of the gradient. */
void sl_bimu_without_radial(sl_scratch_t *scratch);
