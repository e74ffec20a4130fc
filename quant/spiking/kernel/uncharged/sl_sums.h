/* Membranes as sums over traces: which traces a layer reads, and how its units fire.
 * Golden model: quant/spiking/sums.py. */
#pragma once

#include <stdint.h>

#include "sl_activate.h"
#include "sl_lanes.h"
#include "sl_recurrence.h"
#include "sl_rule.h"
#include "sl_sum_numbers.h"

/* Inputs of a later layer, but for its bias: the units below, and its own. */
static inline uint32_t sl_sum_rows(uint32_t index) {
    return sl_layers[index - 1].columns + sl_own_rows(index);
}

/* The row of its first one in scratch.hidden, and of the units below in scratch.gate. */
static inline uint32_t sl_sum_place(uint32_t index) {
    return sl_layers[index - 1].unit + sl_own_before(index);
}

/* The units of a hidden layer, whose charges block_a has, [unit][lane], fire. Traces become inputs
 * of the next layer. */
SL_FOLD void sl_sum_fire(uint32_t index, uint32_t lanes, const sl_state_t *state,
                         sl_scratch_t *scratch) {
    const uint32_t to = sl_sum_place(index + 1) * lanes, n = sl_sum_rows(index + 1) * lanes;
    sl_passed_t *hidden = scratch->hidden + to;
    (void)sl_activate(index, S, lanes, to, state, scratch);
    sl_own_keep(index, state, scratch);
    sl_own_join(index + 1, S, lanes, to, state, scratch);
    for (uint32_t e = 0; e < n; e++) {
        hidden[e] = sl_sum_input(hidden[e]);
    }
}
