/* MESU in integers, the update of a layer. Golden model: the rule's golden.py, function for
 * function. Bonnet et al., arXiv 2504.13569. */
#pragma once

#include "sl_front_end.h"
#include "sl_mesu_backward.h"
#include "sl_mesu_step.h"
#include "sl_noise.h"
#include "sl_rows.h"
#include "sl_step.h"

SL_INLINE void sl_mesu_update_layer_q16(uint32_t index, uint32_t key, sl_state_t *state,
                                        sl_scratch_t *scratch, const int32_t *delta,
                                        const int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const uint32_t draws = index == 0 ? 1 : S;
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
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
    int32_t *g = scratch->block_c, *q = scratch->block_d;
    sl_gather(delta, columns, index == 0, g);
    sl_gather(r, columns, index == 0, q);
    for (uint32_t e = 0; SL_REPLAYING(state) && e < columns * draws; e++) {
        q[e] = 0; /* what a sample says of sigma is counted once */
    }
    const sl_scale_t gain = sl_step_gain(&scratch->step, index);
    const int32_t exponent_g = sl_apply_gain(g, columns * draws, gain.mantissa, gain.exponent, 19);
    const int32_t exponent_q =
        sl_apply_gain(q, columns * draws, SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT, 20);
    const int32_t shift_mu =
        47 - layer->v_exponent - layer->mu_frac_bits + frac_bits - spare + exponent_g;
    const int32_t shift_rho = 31 - layer->v_exponent + 2 * frac_bits - spare + exponent_q;
    const uint32_t most_q = index == 0 ? sl_largest(q, columns) : 0;
    for (uint32_t j = 0; j < columns; j++) {
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }

    int16_t *mu = state->mu + layer->synapse;
    uint16_t *rho = state->rho + layer->synapse;
    const uint32_t rows = index == 0 ? scratch->n_active : layer->rows;
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = index == 0 ? scratch->active[a] : a, start = i * columns;
        sl_mesu_row_t row = {-1, -1, shift_mu, shift_rho, 0};
        const int32_t *w = g, *y = q;
        int32_t e = 0, reach = 18; /* |y| < 2^reach */
        if (index == 0) {
            const int32_t square = x[i] * x[i];
            e = sl_max32(sl_bit_length((uint32_t)square) - 8, 0);
            row.x = -x[i];
            row.square = -(square >> e);
            reach = sl_bit_length((uint32_t)(square >> e) * most_q);
        } else {
            w = scratch->row_w;
            y = scratch->row_y;
            e = sl_mesu_row_gradient_q16(&x[i * L], narrow, spare, columns, g, q, scratch->row_w,
                                         scratch->row_y);
            if (e < 0) { /* a row whose input is 0 does not move */
                continue;
            }
        }
        row.shift_rho -= e;
        row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        if (sl_min32(row.shift_mu, row.shift_rho) >= SL_OCTAVES - 1 &&
            row.shift_rho >= SL_OCTAVES - 15 + reach) {
            sl_mesu_update_row_q16(row, mu + start, rho + start, w, y, columns,
                                   scratch->column_word, 1, scratch->saturations);
        } else {
            sl_mesu_update_row_q16(row, mu + start, rho + start, w, y, columns,
                                   scratch->column_word, 0, scratch->saturations);
        }
    }
    const sl_mesu_pull_t pull = {sl_step_pull_mu(&scratch->step, SL_PULL_MU),
                                 sl_step_pull_sigma(&scratch->step, SL_PULL_RHO)};
    uint32_t i = sl_first_pulled(layer, state);
    for (; i < layer->rows; i += SL_SWEEP) {
        sl_mesu_pull_row_q16(mu + i * columns, rho + i * columns, layer, pull,
                             sl_noise_word(key, SL_STREAM_PULL + index, i), scratch->column_word,
                             scratch->saturations);
    }
}

SL_FOLD void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                            int32_t *delta, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    int32_t *r = scratch->block_r;
    uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
    if (index == 0) {
        sl_ratio(delta, epsilon, scratch->inverse_first, layer->columns * L, L, r, count);
    } else {
        sl_ratio(delta, epsilon, scratch->inverse + layer->later * L, layer->columns * L, 1, r,
                 count);
    }
    if (index > 0) {
        sl_mesu_backward_inputs_q16(index, state, scratch, delta, r, below);
    }
    sl_mesu_update_layer_q16(index, key, state, scratch, delta, r);
}
