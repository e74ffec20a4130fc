/* Factored variance, the backward pass: gradients by the variances and by the inputs. Golden model:
 * golden_backward.py of the rule. */
#pragma once

#include "sl_factor.h"
#include "sl_gain.h"
#include "sl_rule.h"

/* What the gradient by the variances comes to, beside scratch.by_column. */
typedef struct {
    int32_t by_row[L]; /* sum over the units, of each draw; sum of magnitudes below 2^15 */
    int32_t row_exponent, column_exponent;
} sl_curvature_t;

/* Each draw's total / root with 15 or 16 bits, then all at one exponent. */
static void sl_by_row(const int64_t *total, const uint32_t *root, const int32_t *exponent,
                      uint32_t draws, sl_curvature_t *found) {
    uint32_t quotient[L] = {0}, sum = 0;
    int32_t fraction[L] = {0}, least = INT32_MAX;
    for (uint32_t s = 0; s < draws; s++) {
        const uint64_t size = total[s] < 0 ? 0 - (uint64_t)total[s] : (uint64_t)total[s];
        const int32_t up = 31 - sl_bit_length64(size);
        const uint32_t scaled = up >= 0 ? (uint32_t)size << up : (uint32_t)((int64_t)size >> -up);
        quotient[s] = root[s] == 0 ? 0 : scaled / root[s];
        fraction[s] = up - exponent[s];
        if (quotient[s] != 0) {
            least = sl_min32(least, fraction[s]);
        }
    }
    least = least == INT32_MAX ? 0 : least;
    for (uint32_t s = 0; s < draws; s++) {
        quotient[s] = quotient[s] == 0 ? 0 : quotient[s] >> sl_min32(fraction[s] - least, 31);
        sum += quotient[s];
    }
    const int32_t k = sl_max32(0, sl_bit_length(sum) - 15);
    for (uint32_t s = 0; s < L; s++) {
        const int32_t size = (int32_t)(quotient[s] >> k);
        found->by_row[s] = s < draws && total[s] < 0 ? -size : size;
    }
    found->row_exponent += sum == 0 ? 0 : least - k;
}

/* Roots of the draws at one exponent, which is returned; those of 0 stay 0. */
static int32_t sl_block_roots(const uint32_t *root, const int32_t *exponent, uint32_t draws,
                              int32_t *out) {
    int32_t least = INT32_MAX;
    for (uint32_t s = 0; s < draws; s++) {
        least = root[s] != 0 ? sl_min32(least, exponent[s]) : least;
    }
    least = least == INT32_MAX ? 0 : least;
    for (uint32_t s = 0; s < L; s++) {
        const int32_t down = s < draws && root[s] != 0 ? sl_min32(exponent[s] - least, 31) : 0;
        out[s] = s < draws ? (int32_t)(root[s] >> down) : 0;
    }
    return least;
}

SL_INLINE void sl_curvature(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                            const int32_t *delta, int32_t k_delta, sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t *column = state->column + layer->unit;
    const uint16_t *column_root = scratch->column_root + layer->unit;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    const uint32_t draws = index == 0 ? 1 : S;
    const uint32_t *root = scratch->input_root + index * L;
    const int32_t *exponent = scratch->input_exponent + index * L;
    int32_t full[L], total32[L] = {0};
    int64_t total[L] = {0}, *by_column = scratch->by_column;
    const int32_t full_exponent = sl_block_roots(root, exponent, draws, full);
    const int32_t least = (47 - sl_top_octave(column, layer->columns)) >> 1;
    uint64_t most = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int32_t down = sl_root_exponent(column[j]) - least;
        const int32_t whole = column_root[j] >> down, part = column_root[j] >> (down + 3);
        int64_t sum = 0;
        if (index == 0) {
            int32_t noisy = 0;
            for (uint32_t s = 0; s < L; s++) {
                const int32_t blocked = sl_shift_truncate32(delta[j * L + s], k_delta);
                noisy += (blocked * epsilon[j * L + s] + 128) >> 8;
            }
            total[0] += (int64_t)noisy * part;
            sum = (int64_t)noisy * full[0];
        } else {
            for (uint32_t s = 0; s < L; s++) {
                const int32_t noisy = (scratch->block_c[j * L + s] * epsilon[j * L + s] + 128) >> 8;
                total32[s] += noisy * part;
                sum += (int64_t)noisy * full[s];
            }
        }
        by_column[j] = sum * whole;
        const uint64_t size =
            by_column[j] < 0 ? 0 - (uint64_t)by_column[j] : (uint64_t)by_column[j];
        most = size > most ? size : most;
    }
    for (uint32_t s = 0; index != 0 && s < S; s++) {
        total[s] = total32[s];
    }
    found->row_exponent = 17 - k_delta + least;
    sl_by_row(total, root, exponent, draws, found);

    const int32_t k = sl_max32(0, sl_bit_length64(most) - 30);
    int64_t sum = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int64_t value = by_column[j];
        by_column[j] = value < 0 ? -(-value >> k) : value >> k;
        sum += by_column[j];
    }
    const int64_t less = sum < 0 ? (int64_t)layer->columns - 1 : 0; /* floor */
    const uint32_t whole_mean = sl_mean_of((uint64_t)(sum < 0 ? less - sum : sum), layer->columns);
    const int64_t mean = sum < 0 ? -(int64_t)whole_mean : whole_mean;
    for (uint32_t j = 0; j < layer->columns; j++) {
        by_column[j] -= mean;
    }
    found->column_exponent = 20 - k_delta + full_exponent + least - k;
}

/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`; block_c has delta. */
SL_INLINE void sl_factored_backward_inputs_q16(uint32_t index, const sl_state_t *state,
                                               sl_scratch_t *scratch, int32_t k_delta,
                                               const sl_curvature_t *found, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L, *mu = state->mu + layer->synapse;
    const uint32_t *row = state->row + layer->first;
    const int32_t *blocked = scratch->block_c;
    const int32_t right_mean = state->mu_frac_bits[index] - k_delta;
    const int32_t right_spread =
        8 + scratch->frac_bits[index] + found->row_exponent - layer->v_exponent;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns) {
        int32_t through_mean[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t m = mu[j];
            SL_DRAWS
            for (uint32_t s = 0; s < L; s++) {
                through_mean[s] += m * blocked[j * L + s];
            }
        }
        const int32_t mantissa = (int32_t)sl_top_bits(row[i], 12);
        const int32_t right = right_spread - sl_factor_octave(row[i]);
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = x[i * L + s];
            const int32_t product = h * ((mantissa * found->by_row[s]) >> 11);
            int64_t gradient =
                sl_shift_round64(through_mean[s], right_mean) + sl_shift_round64(product, right);
            gradient = h > 0 ? gradient : 0;
            below[i * L + s] = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += below[i * L + s] != gradient;
        }
    }
}
