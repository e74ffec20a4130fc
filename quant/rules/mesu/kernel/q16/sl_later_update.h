/* MESU in integers, the gradient's step of a later layer. Golden model: the rule's golden.py and
 * golden_steps.py, function for function. */
#pragma once

#include "sl_noise.h"
#include "sl_steps.h"

/* Sum a row's x g and x^2 q over the draws, into row_w and row_y; g and q are [draw][unit]. Returns
 * the exponent of the squares, or -1 where the row's input is 0 in every draw. */
SL_INLINE int32_t sl_row_gradient(const uint8_t *x, int32_t spare, uint32_t columns,
                                  const int32_t *restrict g, const int32_t *restrict q,
                                  int32_t *restrict row_w, int32_t *restrict row_y) {
    int32_t square[S], most = 0;
    for (uint32_t s = 0; s < S; s++) {
        square[s] = x[s] * x[s];
        most = sl_max32(most, square[s]);
    }
    if (most == 0) {
        return -1;
    }
    const int32_t e = sl_max32(sl_bit_length((uint32_t)most) - 8, 0);
    for (uint32_t s = 0; s < S; s++) {
        square[s] >>= e;
    }
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum_w = 0, sum_y = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum_w += x[s] * g[s * columns + j];
            sum_y += square[s] * q[s * columns + j];
        }
        row_w[j] = -((sum_w + (1 << (spare + 1))) >> (spare + 2));
        row_y[j] = -((sum_y + (1 << spare)) >> (spare + 1));
    }
    return e;
}

SL_INLINE void sl_later_step_mu(int16_t *restrict mu, const int16_t *restrict rho,
                                const int32_t *restrict w, uint32_t columns, int32_t right,
                                uint32_t word, const uint32_t *restrict column_word,
                                uint32_t *count) {
    uint32_t clamped = 0;
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        const int32_t dither = (int32_t)((word ^ column_word[j]) & 0xFFFFu);
        const int32_t step = sl_shift_saturate(rho[j] * w[j], right, SL_MU_STEP_BITS, &clamped);
        mu[j] = (int16_t)sl_clamp32(mu[j] + ((step + dither) >> 16), -32768, 32767);
    }
    *count += clamped;
}

SL_INLINE void sl_later_update(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, const int32_t *delta, const int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const uint8_t *x = scratch->narrowed + layer->hidden * L;
    const int32_t frac_bits = scratch->frac_bits[index] - scratch->narrow[index];
    const int32_t spare = sl_bit_length(S - 1);
    uint32_t *count = scratch->saturations;
    int32_t *g = scratch->block_c, *q = scratch->block_d;
    sl_gather(delta, columns, 0, g);
    sl_gather(r, columns, 0, q);
    for (uint32_t e = 0; SL_REPLAYING(state) && e < columns * S; e++) {
        q[e] = 0; /* what a sample says of sigma is counted once */
    }
    const sl_scale_t gain = sl_step_gain(&scratch->step, index);
    const int32_t exponent_g = sl_apply_gain(g, columns * S, gain.mantissa, gain.exponent, 19);
    const int32_t exponent_q =
        sl_apply_gain(q, columns * S, SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT, 20);
    const int32_t shift_mu = 17 + frac_bits + exponent_g - layer->mu_frac_bits - spare;
    const int32_t shift_rho = 2 * frac_bits + exponent_q - spare - 1;
    int8_t *exponent = state->rho_exponent + layer->first;
    int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        const int32_t e = sl_row_gradient(&x[i * L], spare, columns, g, q, scratch->row_w,
                                          scratch->row_y);
        if (e < 0) { /* a row whose input is 0 does not move */
            continue;
        }
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        const int32_t right_mu = shift_mu - exponent[i], right_rho = shift_rho - e - exponent[i];
        sl_later_step_mu(mu, rho, scratch->row_w, columns, right_mu, word, scratch->column_word,
                         &count[SL_SAT_GRADIENT]);
        const uint32_t seen = sl_step_rho(rho, scratch->row_y, columns, right_rho, word,
                                          scratch->column_word, &count[SL_SAT_GRADIENT]);
        sl_row_narrow(rho, &exponent[i], columns, layer->v_exponent, seen, &count[SL_SAT_RHO]);
    }
}
