/* What the two passes of BiMU in integers share; the rule's NUMBERS.md. */
#pragma once

#include "sl_belief.h"
#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"

enum {
    SL_SIGN = 16, /* of an open unit and of a bias, in Q3.4 */
    SL_SQUARE_BITS = 16,
};

/* Of a belief's byte + 128: the mean of its weight, Q0.8, in the low half, the variance, Q0.15, in
 * the high one. From SL_STEPS on, what a step reads, if that is something else: the lean, Q0.8, and
 * the slope, Q0.15. */
enum { SL_STEPS = SL_RELAXED ? 256 : 0 };
extern const int32_t sl_belief_table[256 + SL_STEPS];

static inline int32_t sl_entry(int32_t belief) {
    return sl_belief_table[sl_belief_byte(belief) + 128];
}

static inline int32_t sl_low_half(int32_t entry) {
    return (int16_t)entry;
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

/* The odd shift after which squares sum to less than 2^16. */
static inline int32_t sl_square_shift(uint32_t square_sum) {
    return sl_max32(sl_bit_length(square_sum) - SL_SQUARE_BITS, -1) | 1;
}

/* A draw of a sum, from its mean and deviation. */
SL_FOLD int32_t sl_noise_of(uint32_t spread, int32_t epsilon) {
    return ((int32_t)(spread >> 3) * epsilon + 16) >> 5;
}

/* Mean and deviation of a layer's sums. */
void sl_bimu_normalise(uint32_t index, sl_scratch_t *scratch);

/* Takes a share of what only makes all outputs larger out of the gradient. */
void sl_bimu_without_radial(sl_scratch_t *scratch);
