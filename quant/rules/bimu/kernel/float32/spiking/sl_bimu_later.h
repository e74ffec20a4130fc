/* The inputs of BiMU's later layers in float32 as traces of spikes: how sums and gradients take
 * them. */
#pragma once

#include "sl_bimu.h"
#include "sl_gate.h"
#include "sl_sums.h"

/* Those of a layer, [row][draw], but for its bias; and how many rows they are. */
static inline const float *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->hidden + sl_sum_place(index) * L;
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_sum_rows(index);
}

SL_FOLD sl_vector_t sl_later_square(sl_vector_t x) {
    return x * x;
}

/* What of a gradient by a layer's inputs, the e-th on, reaches the units below, as their spikes'
 * derivatives say. inverse: 1 over the size of the layer's sums. */
SL_FOLD sl_vector_t sl_later_passed(const sl_scratch_t *scratch, uint32_t index, uint32_t e,
                                    sl_vector_t gradient, sl_vector_t inverse) {
    const float *gates = sl_gates(scratch) + sl_sum_place(index) * L;
    return sl_gated(inverse * gradient, sl_load(gates + e, V));
}
