/* The gradient's step of a later layer on a chip: a row in one pass over its columns. */
#pragma once

#include "sl_chip_sums.h"
#include "sl_lanes16.h"
#include "sl_noise.h"
#include "sl_replay.h"
#include "sl_step.h"
#include "sl_steps.h"

enum { SL_TWO_DRAWS = (S + 1) / 2 };

/* A gain times y, both [unit][draw], rounded to 16 bits; an odd number of draws is filled with 0.
 * Returns what this adds to the exponent. */
static int32_t sl_chip_gain(const int32_t *y, uint32_t columns, sl_scale_t gain, int32_t drop,
                            int16_t *out) {
    const int32_t bits = sl_bit_length(sl_largest(y, columns * S));
    const int32_t shift = bits == 0 ? 0 : 15 - bits, half = 1 << (drop - 1);
    for (uint32_t j = 0; j < columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            *out++ = (int16_t)((sl_shift_round32(*y++, -shift) * gain.mantissa + half) >> drop);
        }
        if (S % 2) {
            *out++ = 0;
        }
    }
    return shift + gain.exponent - drop;
}

/* What the columns of a row share; x and square: two draws in a word. */
typedef struct {
    int32_t x[SL_TWO_DRAWS], square[SL_TWO_DRAWS];
    int32_t spare, right_mu, right_rho;
    uint32_t word;
} sl_chip_row_t;

/* Minus the sum over the draws, shorter by some bits. */
SL_FOLD int32_t sl_chip_sum(const int32_t *x, const int16_t *lanes, int32_t drop) {
    int32_t sum = 1 << (drop - 1);
    SL_UNROLL_ALWAYS
    for (uint32_t p = 0; p < SL_TWO_DRAWS; p++) {
        sum = sl_dual(x[p], ((const sl_word_t *)lanes)[p], sum);
    }
    return -(sum >> drop);
}

/* Returns the OR of the row's mantissas. */
SL_INLINE uint32_t sl_chip_step_row(const sl_chip_row_t *row, const int16_t *g, const int16_t *q,
                                    int16_t *mu, int16_t *rho, uint32_t columns,
                                    const uint32_t *column_word, uint32_t *count) {
    uint32_t seen = 0, clamped = 0;
    for (const int16_t *end = mu + columns; mu != end; mu++, rho++) {
        const int32_t w = sl_chip_sum(row->x, g, row->spare + 2);
        const int32_t y = sl_chip_sum(row->square, q, row->spare + 1);
        g += 2 * SL_TWO_DRAWS;
        q += 2 * SL_TWO_DRAWS;
        const int32_t v = *rho;
        const uint32_t dither = row->word ^ *column_word++;
        const int32_t step = v * w >> row->right_mu;
        const int32_t moved = *mu + ((step + (int32_t)(dither & 0xFFFFu)) >> 16);
        *mu = (int16_t)sl_clamp32(moved, -32768, 32767);
        const int32_t curve = v * sl_rounded(v, y) >> row->right_rho;
        const int32_t d = (curve + (int32_t)(dither >> 16)) >> 16;
        const int32_t stepped =
            (int32_t)(sl_abs32(d) << 6) < v ? v + d : sl_moved_rho(v, d, &clamped);
        seen |= (uint32_t)stepped;
        *rho = (int16_t)stepped;
    }
    *count += clamped;
    return seen;
}

/* The same of any shift. */
SL_INLINE uint32_t sl_chip_step_wide(const sl_chip_row_t *row, sl_scratch_t *scratch, int16_t *mu,
                                     int16_t *rho, uint32_t columns, uint32_t *count) {
    for (uint32_t j = 0; j < columns; j++) {
        const uint32_t at = j * 2 * SL_TWO_DRAWS;
        scratch->row_w[j] = sl_chip_sum(row->x, scratch->pairs_a + at, row->spare + 2);
        scratch->row_y[j] = sl_chip_sum(row->square, scratch->pairs_b + at, row->spare + 1);
    }
    sl_later_step_mu(mu, rho, scratch->row_w, columns, row->right_mu, row->word,
                     scratch->column_word, count);
    return sl_step_rho(rho, scratch->row_y, columns, row->right_rho, row->word,
                       scratch->column_word, count);
}

/* As the host's. */
SL_INLINE void sl_later_update(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, const int32_t *delta, const int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const int16_t *hidden = scratch->hidden + layer->hidden * L;
    const int32_t narrow = scratch->narrow[index], frac_bits = scratch->frac_bits[index] - narrow;
    uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
    const sl_scale_t gain = sl_step_gain(&scratch->step, index);
    const sl_scale_t gain_rho = {SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT};
    const int32_t exponent_g = sl_chip_gain(delta, columns, gain, 19, scratch->pairs_a);
    const int32_t exponent_q = sl_chip_gain(r, columns, gain_rho, 20, scratch->pairs_b);
    for (uint32_t e = 0; SL_REPLAYING(state) && e < columns * 2 * SL_TWO_DRAWS; e++) {
        scratch->pairs_b[e] = 0; /* what a sample says of sigma is counted once */
    }
    sl_chip_row_t row = {.spare = sl_bit_length(S - 1)};
    const int32_t shift_mu = 17 + frac_bits + exponent_g - layer->mu_frac_bits - row.spare;
    const int32_t shift_rho = 2 * frac_bits + exponent_q - row.spare - 1;
    int8_t *exponent = state->rho_exponent + layer->first;
    int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        int32_t x[S], most = 0;
        for (uint32_t s = 0; s < S; s++) {
            x[s] = sl_chip_narrow(*hidden++, narrow);
            most = sl_max32(most, x[s]);
        }
        if (most == 0) { /* a row whose input is 0 does not move */
            continue;
        }
        const int32_t e = sl_max32(sl_bit_length((uint32_t)(most * most)) - 8, 0);
        for (uint32_t s = 0; s < S; s += 2) {
            const int32_t second = s + 1 < S ? x[s + 1] : 0;
            row.x[s / 2] = sl_two_of(x[s], second);
            row.square[s / 2] = sl_two_of(x[s] * x[s] >> e, second * second >> e);
        }
        row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        row.right_mu = shift_mu - exponent[i];
        row.right_rho = shift_rho - e - exponent[i];
        uint32_t seen;
        if ((row.right_mu | row.right_rho) < 0) {
            seen = sl_chip_step_wide(&row, scratch, mu, rho, columns, count);
        } else {
            row.right_mu = sl_min32(row.right_mu, 31);
            row.right_rho = sl_min32(row.right_rho, 31);
            seen = sl_chip_step_row(&row, scratch->pairs_a, scratch->pairs_b, mu, rho, columns,
                                    scratch->column_word, count);
        }
        sl_row_narrow(rho, &exponent[i], columns, layer->v_exponent, seen,
                      &scratch->saturations[SL_SAT_RHO]);
    }
}
