/* A layer's learning step, built for size: one form for every layer and every chip. */
#pragma once

#include "sl_first_factors.h"
#include "sl_gate.h"
#include "sl_mesu_backward.h"
#include "sl_noise.h"
#include "sl_replay.h"
#include "sl_rows.h"
#include "sl_small_sums.h"

/* r = delta epsilon / spread of n units, or draws of units, summed over so many draws. */
SL_INLINE void sl_small_ratio(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                              uint32_t n, uint32_t draws, int32_t limit, int32_t *r,
                              uint32_t *count) {
    for (uint32_t e = 0; e < n; e++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < draws; s++) {
            sum += (int64_t)*delta++ * *epsilon++;
        }
        r[e] = sl_over(sum, inverse[e], limit, count);
    }
}

/* As the host's. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const int32_t *delta, const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const sl_gate_t *gate = sl_gates(scratch) + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, columns) - SL_LANE_BITS);
    const int32_t k_r = sl_min32(SL_LANE_BITS - sl_sum_bits(r, columns), 12);
    int16_t *short_delta = scratch->pairs_a, *short_r = scratch->pairs_b;
    for (uint32_t e = 0; e < columns * L; e++) {
        short_delta[e] = (int16_t)sl_shift_truncate32(delta[e], k_delta);
        short_r[e] = (int16_t)sl_shift_truncate32(r[e], -k_r);
    }
    const int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += columns, rho += columns) {
        const int32_t down = 11 + scratch->frac_bits[index] + k_r - exponent[i];
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = *x++;
            const sl_gate_t open = *gate++;
            int64_t gradient = 0;
            if (open > 0) {
                int32_t through_mu = 0, through_rho = 0;
                for (uint32_t j = 0; j < columns; j++) {
                    through_mu += mu[j] * short_delta[j * L + s];
                    through_rho += rho[j] * short_r[j * L + s];
                }
                gradient = sl_input_gradient(through_mu, layer->mu_frac_bits - k_delta,
                                             (int64_t)h * through_rho, down);
            }
            const int32_t kept = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += kept != gradient;
            *below++ = SL_GATED ? sl_gated(kept, open) : kept;
        }
    }
}

/* In place: y times a gain, shorter by `drop` bits, or until 15 are left; returns what this adds
 * to its exponent. */
static int32_t sl_small_gain(int32_t *y, uint32_t n, sl_scale_t gain, int32_t drop) {
    const int32_t bits = sl_bit_length(sl_largest(y, n));
    if (bits == 0) {
        return 0;
    }
    for (uint32_t e = 0; e < n; e++) {
        y[e] = sl_shift_round32(y[e], bits - 15) * gain.mantissa;
    }
    if (drop == 0) {
        drop = sl_bit_length(sl_largest(y, n)) - 15;
    }
    for (uint32_t e = 0; e < n; e++) {
        y[e] = sl_clamp32(sl_shift_round32(y[e], drop), -SL_LANE_MAX, SL_LANE_MAX);
    }
    return 15 - bits + gain.exponent - drop;
}

/* As sl_factor; half: of the word that decides. */
static int32_t sl_small_factor(sl_factors_t f, uint32_t x, int32_t exponent, uint32_t word) {
    const int32_t down = f.most - SL_FACTOR_BITS - SL_FACTOR_MORE_BITS - exponent;
    const uint32_t wide = (uint32_t)sl_shift_round32((int32_t)x, down);
    if (wide >> sl_min32(f.threshold + SL_FACTOR_MORE_BITS, 31)) {
        return (int32_t)((wide + (1u << (SL_FACTOR_MORE_BITS - 1))) >> SL_FACTOR_MORE_BITS);
    }
    const uint32_t share = (wide << SL_FACTOR_MORE_BITS) >> sl_min32(f.threshold, 31);
    return word < share ? 1 << f.bits : 0;
}

/* What the columns of a row share. Layer 0 has one factor for a step of mu, and one for a step of
 * rho; a later layer has an input for every draw, and its square. */
typedef struct {
    int32_t x[S], square[S];
    int32_t spare;
    int32_t right_mu, right_rho;
    int32_t times; /* how often layer 0 takes a step of mu */
    uint32_t word;
} sl_small_row_t;

/* rho after a step d. */
static inline __attribute__((always_inline)) int32_t sl_small_rho(int32_t v, int32_t d,
                                                                  uint32_t *count) {
    return (int32_t)(sl_abs32(d) << 6) < v ? v + d : sl_moved_rho(v, d, count);
}

/* mu += step / 2^right with its dither, in a loop over the row that runs once as a rule. */
static void sl_small_first_mu(const sl_small_row_t *row, const int32_t *g, int16_t *mu,
                              const int16_t *rho, const uint32_t *column_word) {
    const int32_t factor = row->x[0], right = row->right_mu;
    const uint32_t mask = (1u << right) - 1, word = row->word;
    const int16_t *end = mu + SL_FIRST_UNITS;
    do {
        const uint32_t dither = (word ^ *column_word++) & mask;
        const int32_t step = *rho++ * sl_rounded(factor, *g++) + (1 << 14);
        *mu = (int16_t)sl_clamp32(*mu + ((step + (int32_t)(dither << 15)) >> (15 + right)), -32768,
                                  32767);
    } while (++mu != end);
}

/* Returns the OR of the row's mantissas. */
static uint32_t sl_small_first_rho(const sl_small_row_t *row, const int32_t *q, int16_t *rho,
                                   const uint32_t *column_word, uint32_t *count) {
    const int32_t square = row->square[0], right = row->right_rho;
    const int32_t down = 16 - sl_min32(right, 0), up = sl_max32(right, 0);
    const uint32_t word = row->word;
    const int16_t *end = rho + SL_FIRST_UNITS;
    uint32_t seen = 0;
    do { /* the dither as sl_dither_rho makes it */
        const int32_t v = *rho, curve = v * sl_rounded(v, sl_rounded(square, *q++));
        const uint32_t dither = (word ^ *column_word++) >> down << up;
        const int32_t stepped = sl_small_rho(v, (curve + (int32_t)dither) >> (16 + right), count);
        seen |= (uint32_t)stepped;
        *rho = (int16_t)stepped;
    } while (++rho != end);
    return seen;
}

/* Minus the sum over the draws, shorter by some bits. */
static int32_t sl_small_sum(const int32_t *x, const int32_t *y, int32_t drop) {
    int32_t sum = 1 << (drop - 1), s = 0;
    do {
        sum += x[s] * y[s];
    } while (++s != S);
    return -(sum >> drop);
}

/* The same of a later layer's row. */
static uint32_t sl_small_later(const sl_small_row_t *row, uint32_t columns, const int32_t *g,
                               const int32_t *q, int16_t *mu, int16_t *rho,
                               const uint32_t *column_word, uint32_t *count) {
    uint32_t seen = 0, unused = 0;
    const int16_t *end = mu + columns;
    do {
        const uint32_t dither = row->word ^ *column_word++;
        const int32_t v = *rho, w = sl_small_sum(row->x, g, row->spare + 2);
        const int32_t y = sl_small_sum(row->square, q, row->spare + 1);
        const int32_t step = sl_shift_saturate(v * w, row->right_mu, SL_MU_STEP_BITS, count);
        const int32_t curve =
            sl_shift_saturate(v * sl_rounded(v, y), row->right_rho, SL_RHO_STEP_BITS, &unused);
        *mu =
            (int16_t)sl_clamp32(*mu + ((step + (int32_t)(dither & 0xFFFFu)) >> 16), -32768, 32767);
        const int32_t stepped = sl_small_rho(v, (curve + (int32_t)(dither >> 16)) >> 16, count);
        seen |= (uint32_t)stepped;
        *rho++ = (int16_t)stepped;
        g += S;
        q += S;
    } while (++mu != end);
    return seen;
}

/* The gradient's step of a layer; delta and r are used up. */
SL_INLINE void sl_small_update(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, int32_t *g, int32_t *q) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const int16_t *hidden = scratch->hidden + layer->hidden * L;
    const int32_t narrow = scratch->narrow[index], frac_bits = scratch->frac_bits[index] - narrow;
    uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
    sl_small_row_t row = {.spare = sl_bit_length(S - 1)};
    sl_factors_t for_mu = {0}, for_rho = {0};
    uint32_t n = columns * S, unused = 0;
    if (index == 0) {
        sl_gather(g, columns, 1, g);
        n = columns;
    }
    for (uint32_t e = 0; SL_REPLAYING(state) && e < n; e++) {
        q[e] = 0; /* what a sample says of sigma is counted once */
    }
    const uint32_t some_g = sl_largest(g, n) != 0, some_q = sl_largest(q, n) != 0;
    const sl_scale_t gain_rho = {SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT};
    const int32_t exponent_g =
        sl_small_gain(g, n, sl_step_gain(&scratch->step, index), index == 0 ? 0 : 19);
    const int32_t exponent_q = sl_small_gain(q, n, gain_rho, index == 0 ? 0 : 20);
    if (index == 0) {
        if (scratch->n_active == 0) {
            return;
        }
        /* Steps of nothing move nothing, and nothing of them is counted. */
        for_mu = sl_factors_of(scratch->reach, exponent_g + 23 - layer->mu_frac_bits,
                               SL_RIGHT_MIN_MU, SL_DRAWN_MU, some_g ? count : &unused);
        for_rho = sl_factors_of(scratch->reach_squared, exponent_q + 10, SL_RIGHT_MIN_RHO,
                                SL_DRAWN_RHO, some_q ? count : &unused);
        row.right_mu = sl_max32(for_mu.right, 1);
        row.times = 1 << (row.right_mu - for_mu.right);
        row.right_rho = for_rho.right - 3;
    }
    int8_t *exponent = state->rho_exponent + layer->first;
    int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        uint32_t moves = 0; /* a row whose input is 0 does not move */
        if (index == 0) {
            const int32_t x = scratch->input[i];
            const uint32_t word = sl_noise_word(key, SL_STREAM_RARE, i);
            if (x == 0) {
                continue;
            }
            const int32_t f = sl_small_factor(for_mu, sl_abs32(x), exponent[i], word & 0xFFFFu);
            row.x[0] = x > 0 ? -f : f;
            row.square[0] = -sl_small_factor(for_rho, (uint32_t)(x * x), exponent[i], word >> 16);
            moves = (uint32_t)(row.x[0] | row.square[0]);
        } else {
            for (uint32_t s = 0; s < S; s++) {
                row.x[s] = sl_small_narrow(*hidden++, narrow);
                row.square[s] = row.x[s] * row.x[s];
                moves |= (uint32_t)row.square[s];
            }
            const int32_t e = sl_max32(sl_bit_length(moves) - 8, 0);
            for (uint32_t s = 0; s < S; s++) {
                row.square[s] >>= e;
            }
            row.right_mu =
                17 + frac_bits + exponent_g - layer->mu_frac_bits - row.spare - exponent[i];
            row.right_rho = 2 * frac_bits + exponent_q - row.spare - 1 - e - exponent[i];
        }
        if (moves == 0) {
            continue;
        }
        row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        uint32_t seen = 0;
        if (index == 0) {
            for (int32_t times = row.x[0] ? row.times : 0; times != 0; times--) { /* often once */
                sl_small_first_mu(&row, g, mu, rho, scratch->column_word);
            }
            if (row.square[0]) {
                seen = sl_small_first_rho(&row, q, rho, scratch->column_word, count);
            }
        } else {
            seen = sl_small_later(&row, columns, g, q, mu, rho, scratch->column_word, count);
        }
        sl_row_narrow(rho, &exponent[i], columns, layer->v_exponent, seen,
                      &scratch->saturations[SL_SAT_RHO]);
    }
}
