/* MESU in integers, the gradient's step of a later layer, on the host. Golden model: the rule's
 * golden.py and golden_steps.py, function for function. */
#pragma once

#include <string.h>

#include "sl_noise.h"
#include "sl_replay.h"
#include "sl_step.h"
#include "sl_steps.h"

/* Sum a row's x g and x^2 q over the draws, into row_w and row_y; the pairs are two draws of g and
 * of q. Returns the exponent of the squares, or -1 where the row's input is 0 in every draw. */
SL_INLINE int32_t sl_row_gradient(const uint8_t *x, int32_t spare, uint32_t columns,
                                  sl_scratch_t *scratch) {
    int16_t input[L], square[L];
    uint16_t whole[L], any = 0; /* as many bits as the largest */
    int32_t *w = scratch->row_w, *y = scratch->row_y;
    for (uint32_t s = 0; s < L; s++) {
        input[s] = x[s];
        whole[s] = (uint16_t)(x[s] * x[s]);
        any |= whole[s];
    }
    if (any == 0) {
        return -1;
    }
    const int32_t e = sl_max32(sl_bit_length(any) - 8, 0);
    for (uint32_t s = 0; s < L; s++) {
        square[s] = (int16_t)(whole[s] >> e);
    }
    const uint32_t room = SL_WHOLE(columns);
    sl_dot_pairs(scratch->pairs_a, room, room, (sl_numbers_t){input, 2, 1, S}, w);
    sl_dot_pairs(scratch->pairs_b, room, room, (sl_numbers_t){square, 2, 1, S}, y);
    for (uint32_t j = 0; j < room; j++) {
        w[j] = -((w[j] + (1 << (spare + 1))) >> (spare + 2));
        y[j] = -((y[j] + (1 << spare)) >> (spare + 1));
    }
    return e;
}

/* A gain times y, [unit][draw], as pairs of two draws, [draws / 2][unit][2]; returns what this adds
 * to its exponent. What a sample says of sigma is counted once: then `counts` is 0. */
SL_INLINE int32_t sl_draw_pairs(const int32_t *y, uint32_t columns, sl_scale_t gain, int32_t drop,
                                uint32_t counts, int16_t *pairs) {
    const uint32_t room = SL_WHOLE(columns);
    const int32_t bits = sl_bit_length(sl_largest(y, columns * L));
    const int32_t shift = counts == 0 || bits == 0 ? 0 : 15 - bits;
    int16_t scaled[SL_MAX_UNITS * L];
    for (uint32_t e = 0; e < columns * L; e++) {
        const int32_t value = counts ? sl_shift_round32(y[e], -shift) : 0;
        scaled[e] = (int16_t)sl_shift_round32(value * gain.mantissa, drop);
    }
    for (uint32_t s = 0; s < S; s += 2) {
        int16_t *at = pairs + s * room;
        for (uint32_t j = 0; j < columns; j++) {
            memcpy(at + 2 * j, scaled + j * L + s, 2 * sizeof *at);
        }
        memset(at + 2 * columns, 0, 2 * (room - columns) * sizeof *at);
    }
    return shift + gain.exponent - drop;
}

SL_INLINE void sl_later_update(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, const int32_t *delta, const int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const uint8_t *x = scratch->narrowed + layer->hidden * L;
    const int32_t frac_bits = scratch->frac_bits[index] - scratch->narrow[index];
    const int32_t spare = sl_bit_length(S - 1);
    uint32_t *count = scratch->saturations;
    const sl_scale_t gain = sl_step_gain(&scratch->step, index);
    const sl_scale_t gain_rho = {SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT};
    const int32_t exponent_g = sl_draw_pairs(delta, columns, gain, 19, 1, scratch->pairs_a);
    const int32_t exponent_q =
        sl_draw_pairs(r, columns, gain_rho, 20, !SL_REPLAYING(state), scratch->pairs_b);
    const int32_t shift_mu = 17 + frac_bits + exponent_g - layer->mu_frac_bits - spare;
    const int32_t shift_rho = 2 * frac_bits + exponent_q - spare - 1;
    int8_t *exponent = state->rho_exponent + layer->first;
    int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    int16_t row_mu[SL_WHOLE(SL_MAX_UNITS)] = {0}, row_rho[SL_WHOLE(SL_MAX_UNITS)] = {0};
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        const int32_t e = sl_row_gradient(&x[i * L], spare, columns, scratch);
        if (e < 0) { /* a row whose input is 0 does not move */
            continue;
        }
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        const int32_t right_mu = shift_mu - exponent[i], right_rho = shift_rho - e - exponent[i];
        /* In whole vectors: what lies behind a row's end moves by 0. */
        for (uint32_t j = 0; j < columns; j++) {
            row_mu[j] = mu[j];
            row_rho[j] = rho[j];
        }
        sl_later_step_mu(row_mu, row_rho, scratch->row_w, SL_WHOLE(columns), right_mu, word,
                         scratch->column_word, &count[SL_SAT_GRADIENT]);
        const uint32_t seen = sl_step_rho(row_rho, scratch->row_y, SL_WHOLE(columns), right_rho,
                                          word, scratch->column_word, &count[SL_SAT_GRADIENT]);
        for (uint32_t j = 0; j < columns; j++) {
            mu[j] = row_mu[j];
            rho[j] = row_rho[j];
        }
        sl_row_narrow(rho, &exponent[i], columns, layer->v_exponent, seen, &count[SL_SAT_RHO]);
    }
}
