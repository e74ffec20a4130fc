/* Hidden units of the metaplastic rule as signs: what later layers read, and which units learn.
 * Golden model: the rule's golden.py. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"

enum { SL_GRADED = 0 }; /* inputs of later layers are +-1 */

#define SL_IDLE INT32_MIN /* in the place of the sum of a unit of an inactive block */

/* Which units of a layer learn: those whose sums are inside the window. */
typedef struct {
    const int32_t *sums;
    int32_t limit;
} sl_later_t;

static inline sl_later_t sl_later_units(const sl_scratch_t *scratch, uint32_t index) {
    const int32_t *sums = scratch->sums + sl_layers[index].sums;
    const int32_t limit = (int32_t)((SL_WINDOW * scratch->norm_mantissa[index]) >>
                                    (8 + scratch->norm_exponent[index]));
    return (sl_later_t){sums, limit};
}

static inline int32_t sl_later_learns(sl_later_t units, uint32_t j) {
    return units.sums[j] >= -units.limit && units.sums[j] <= units.limit;
}

/* What of a gradient passes through a unit. */
static inline int32_t sl_later_passed(sl_later_t units, uint32_t j, int32_t gradient) {
    (void)units;
    (void)j;
    return gradient;
}

/* What a layer's sums are measured in: the norm of its input. */
static inline void sl_later_measure(uint32_t index, uint32_t square_sum, sl_scratch_t *scratch) {
    const int32_t exponent = square_sum == 0 ? 0 : (32 - sl_bit_length(square_sum)) >> 1;
    scratch->norm_mantissa[index] = sl_isqrt32(square_sum << 2 * exponent);
    scratch->norm_exponent[index] = exponent;
}

/* The input of a row: +-1, 0 of a unit of an inactive block. */
static inline int32_t sl_later_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    const sl_layer_t *below = &sl_layers[index - 1];
    if (SL_N_BLOCKS && i < below->columns && scratch->sums[below->sums + i] == SL_IDLE) {
        return 0;
    }
    return i < below->columns && scratch->sums[below->sums + i] < 0 ? -1 : 1;
}

/* The signs of a hidden layer's sums are read where they lie. */
SL_FOLD void sl_later_hand_on(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    (void)index;
    (void)state;
    (void)scratch;
}
