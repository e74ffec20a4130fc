/* Membranes as sums over traces: from sums to charges, and from traces of spikes to inputs.
 * Golden model: quant/spiking/sums.py. */
#pragma once

#include <stdint.h>

#include "sl_activate.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_recurrence.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum {
    SL_CHARGE_MAX = (1 << 30) - 1,
    SL_TRACE_RIGHT = SL_OUTPUT_FRAC_BITS - SL_INPUT_FRAC_BITS,
    SL_TRACE_INPUT_MAX = 127,
};

/* A sum times the inverse of what it is measured in, Q15.16. */
static inline int32_t sl_sum_charge(int64_t sum, int64_t inverse, int32_t right,
                                    sl_scratch_t *scratch) {
    const int64_t charge = sl_shift_round64(sum * inverse, right);
    const int32_t kept = sl_clamp64(charge, SL_CHARGE_MAX);
    scratch->saturations[SL_SAT_ACTIVATION] += kept != charge;
    return kept;
}

/* Inputs of a later layer, but for its bias: the units below, and its own. */
static inline uint32_t sl_sum_rows(uint32_t index) {
    return sl_layers[index - 1].columns + sl_own_rows(index);
}

/* The row of its first one in scratch.hidden, and of the units below in scratch.gate. */
static inline uint32_t sl_sum_place(uint32_t index) {
    return sl_layers[index - 1].unit + sl_own_before(index);
}

/* The units of a hidden layer, whose charges block_a has, [unit][lane], fire. Traces, Q.8, become
 * inputs of the next layer, Q3.4. */
SL_FOLD void sl_sum_fire(uint32_t index, uint32_t lanes, const sl_state_t *state,
                         sl_scratch_t *scratch) {
    const uint32_t to = sl_sum_place(index + 1) * lanes, n = sl_sum_rows(index + 1) * lanes;
    int16_t *hidden = scratch->hidden + to;
    (void)sl_activate(index, S, lanes, to, state, scratch);
    sl_own_keep(index, state, scratch);
    sl_own_join(index + 1, S, lanes, to, state, scratch);
    for (uint32_t e = 0; e < n; e++) {
        hidden[e] = (int16_t)sl_min32(hidden[e] >> SL_TRACE_RIGHT, SL_TRACE_INPUT_MAX);
    }
}
