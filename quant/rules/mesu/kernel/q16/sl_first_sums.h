/* The sums of layer 0 on the host, and the scale of its inputs' squares. */
#pragma once

#include "sl_average.h"
#include "sl_build.h"
#include "sl_columns.h"
#include "sl_first.h"
#include "sl_rule.h"

/* How layer 0's inputs are shortened for its sums, and their reach for its update. */
SL_INLINE sl_first_rows_t sl_first_look(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    sl_first_rows_t first = {
        .mu = SL_MEANS(state, scratch) + layer->synapse,
        .rho = state->rho + layer->synapse,
        .x = scratch->input,
        .exponent = state->rho_exponent + layer->first,
        .mask = scratch->active_mask,
        .n = scratch->n_active,
    };
    int16_t top = -128; /* of 16 bits, as more of them lie side by side */
    uint32_t size = 0, each = 0, widest = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < layer->rows; i++) { /* what is not active adds 0 */
        const int16_t e = first.exponent[i], active = first.x[i] != 0 ? e : -128;
        top = active > top ? active : top;
    }
    const int32_t most = first.n == 0 ? 1 : top;
    for (uint32_t start = 0; start < layer->rows; start += SL_SUMMED_SQUARES) {
        const uint32_t left = layer->rows - start;
        const uint32_t end = left < SL_SUMMED_SQUARES ? layer->rows : start + SL_SUMMED_SQUARES;
        uint32_t some = 0;
        for (uint32_t i = start; i < end; i++) {
            const uint32_t x = sl_abs32(first.x[i]);
            const int32_t below = most - first.exponent[i];
            const uint32_t wide = sl_wide(x * x, below), narrow = sl_wide(x, below);
            size += x;
            each = wide > each ? wide : each;
            widest = narrow > widest ? narrow : widest;
            some += wide;
        }
        total += some;
    }
    first.k_mean = sl_max32(0, sl_bit_length(size) - 16);
    first.squares = (sl_squares_t){most, sl_squares_shift(each, total, most)};
    /* The row whose exponent is the largest keeps all its bits, so these are exact. */
    scratch->reach = sl_bit_length(widest) + most - SL_SQUARE_MORE_BITS;
    scratch->reach_squared = sl_bit_length(each) + most - SL_SQUARE_MORE_BITS;
    return first;
}

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. */
SL_INLINE sl_sums_t sl_first_sums(const sl_state_t *state, sl_scratch_t *scratch, int32_t *mean,
                                  uint32_t *power) {
    const sl_first_rows_t first = sl_first_look(state, scratch);
    sl_columns_sum(&first, mean, power);
    return (sl_sums_t){first.k_mean, 0, first.squares.most + first.squares.k - SL_SQUARE_MORE_BITS};
}
