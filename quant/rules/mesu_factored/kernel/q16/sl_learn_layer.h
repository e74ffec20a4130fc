/* The update of a layer with factored variance, from its parts. Golden model:
 * the rule's golden.py. */
#pragma once

#include "sl_factored_backward.h"
#include "sl_factored_factors.h"
#include "sl_factored_mu.h"
#include "sl_front_end.h"
#include "sl_rows.h"
#include "sl_step.h"

SL_INLINE void sl_factored_update_layer_q16(uint32_t index, uint32_t key, sl_state_t *state,
                                            sl_scratch_t *scratch, const int32_t *delta,
                                            sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, draws = index == 0 ? 1 : S;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    int16_t *mu = state->mu + layer->synapse;
    uint32_t *row = state->row + layer->first, *column = state->column + layer->unit;
    int32_t frac_bits = SL_INPUT_FRAC_BITS, spare = 0, narrow = 0;
    if (index != 0) {
        int32_t most = 0;
        for (uint32_t e = 0; e < layer->rows * L; e++) {
            most = sl_max32(most, x[e]);
        }
        narrow = sl_max32(0, sl_bit_length((uint32_t)most) - 8);
        frac_bits = scratch->frac_bits[index] - narrow;
        spare = sl_bit_length(S - 1);
    }
    const int32_t top = sl_top_octave(column, columns);
    int32_t *g = scratch->block_c, *weight = scratch->column_weight;
    sl_gather(delta, columns, index == 0, g);
    const int32_t bits = sl_bit_length(sl_largest(g, columns * draws));
    const int32_t up = bits == 0 ? 0 : 15 - bits;
    for (uint32_t j = 0; j < columns; j++) {
        weight[j] = sl_column_weight(column[j], top);
        for (uint32_t s = 0; s < draws; s++) {
            g[s * columns + j] = sl_shift_round32(g[s * columns + j], -up) * weight[j];
        }
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }
    const sl_scale_t gain = sl_step_gain(&scratch->step, index);
    const int32_t exponent =
        sl_apply_gain(g, columns * draws, gain.mantissa, gain.exponent, index == 0 ? 15 : 19);
    const int32_t right = frac_bits + up - top + exponent - layer->v_exponent -
                          state->mu_frac_bits[index] + (index == 0 ? 69 : 73 - spare);
    uint32_t beyond = 0;
    if (index == 0) {
        sl_update_first(layer, state, scratch, key, right, g, &beyond);
    } else {
        sl_update_later(index, state, scratch, key, right, narrow, spare, g, &beyond);
    }

    uint32_t peak = state->mu_peak[index];
    const int32_t prior = sl_clamp32(
        sl_shift_round32(layer->mu_prior_q, SL_MU_FRAC_BITS_MAX - state->mu_frac_bits[index]),
        -32768, 32767);
    const sl_scale_t by_prior = {layer->gain_pull[0], layer->gain_pull[1]};
    const sl_scale_t pull = sl_step_pull_gain(&scratch->step, by_prior);
    for (uint32_t i = sl_first_pulled(layer, state); i < layer->rows; i += SL_SWEEP) {
        const int32_t strength =
            (int32_t)((sl_top_bits(row[i], 16) * (uint32_t)pull.mantissa) >> 16);
        const int32_t right_pull =
            25 - layer->v_exponent - sl_factor_octave(row[i]) - top + pull.exponent;
        const uint32_t most = sl_factored_pull_row_q16(
            mu + i * columns, columns, prior, strength, right_pull, weight,
            sl_noise_word(key, SL_STREAM_PULL + index, i), scratch->column_word, &beyond);
        peak = most > peak ? most : peak;
    }
    if (beyond >> 16) {
        scratch->saturations[SL_SAT_MU]++;
        peak = 32768;
    }

    if (!SL_REPLAYING(state)) { /* what a sample says of sigma is counted once */
        sl_update_factors(index, state, scratch, narrow, found);
    }
    const uint32_t cycle = sl_cycle_ends(layer, state);
    if (cycle) {
        sl_factored_pull_factors_q16(layer, row, column,
                                     sl_step_pull_sigma(&scratch->step, SL_PULL_FACTOR),
                                     scratch->saturations);
    }
    sl_gauge(layer, row, column, &scratch->saturations[SL_SAT_RHO]);
    sl_update_range(index, key, state, scratch->column_word, peak, cycle);
}

/* One layer's backward pass and update; the gradient by its inputs goes into `below`. */
SL_INLINE void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state,
                              sl_scratch_t *scratch, int32_t *delta, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - 16);
    sl_curvature_t found;
    if (index > 0) {
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            scratch->block_c[e] = sl_shift_truncate32(delta[e], k_delta);
        }
    }
    sl_curvature(index, state, scratch, delta, k_delta, &found);
    if (index > 0) {
        sl_factored_backward_inputs_q16(index, state, scratch, k_delta, &found, below);
    }
    sl_factored_update_layer_q16(index, key, state, scratch, delta, &found);
}
