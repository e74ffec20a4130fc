/* Hidden units of the metaplastic rule as spikes: the next layer reads their traces. Golden model:
 * the rule's golden.py. */
#pragma once

#include "sl_gate.h"
#include "sl_rule.h"
#include "sl_sums.h"

enum {
    SL_GRADED = 1,            /* inputs of later layers are Q3.4 */
    SL_CHARGE_RIGHT = 31 - 16 /* from a sum times an inverse to Q15.16 */
};

/* Which units of a layer learn: those near a spike. */
typedef struct {
    const sl_gate_t *gate;
} sl_later_t;

static inline sl_later_t sl_later_units(const sl_scratch_t *scratch, uint32_t index) {
    return (sl_later_t){sl_gates(scratch) + sl_sum_place(index + 1)};
}

static inline int32_t sl_later_learns(sl_later_t units, uint32_t j) {
    return units.gate[j] != 0;
}

/* What of a gradient passes through a unit. */
static inline int32_t sl_later_passed(sl_later_t units, uint32_t j, int32_t gradient) {
    return sl_gated(gradient, units.gate[j]);
}

/* What a layer's sums are measured in is the same for all inputs. */
static inline void sl_later_measure(uint32_t index, uint32_t square_sum, sl_scratch_t *scratch) {
    (void)square_sum;
    scratch->norm_mantissa[index] = sl_layers[index].mantissa;
    scratch->norm_exponent[index] = sl_layers[index].exponent;
}

/* The input of a row: the trace of a unit's spikes, or 1 of a bias. */
static inline int32_t sl_later_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    return i < sl_sum_rows(index) ? scratch->hidden[sl_sum_place(index) + i]
                                  : 1 << SL_INPUT_FRAC_BITS;
}

/* A hidden layer's sums become charges, the units fire, and their traces become inputs. */
static inline void sl_later_hand_on(uint32_t index, const sl_state_t *state,
                                    sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t *sums = scratch->sums + layer->sums;
    const int64_t inverse = (1u << 31) / layer->mantissa;
    for (uint32_t j = 0; index + 1 < SL_N_LAYERS && j < layer->columns; j++) {
        scratch->block_a[j] =
            sl_sum_charge(sums[j], inverse, SL_CHARGE_RIGHT - layer->exponent, scratch);
    }
    if (index + 1 < SL_N_LAYERS) {
        sl_sum_fire(index, 1, state, scratch);
    }
}
