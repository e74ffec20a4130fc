/* The gradient by a layer's inputs, on the host: all draws of an input side by side. */
#pragma once

#include <string.h>

#include "sl_mesu_backward.h"
#include "sl_gate.h"
#include "sl_pairs.h"

/* Numbers of two units side by side, [units / 2][lane][2], shifted right; behind the last unit 0.
 */
SL_INLINE void sl_unit_pairs(const int32_t *restrict y, uint32_t units, int32_t right,
                             int16_t *restrict pairs) {
    for (uint32_t j = 0; j < units; j += 2) {
        for (uint32_t s = 0; s < L; s++) {
            const int32_t second = j + 1 < units ? y[(j + 1) * L + s] : 0;
            const uint32_t a = (uint32_t)sl_shift_truncate32(y[j * L + s], right);
            const uint32_t word = (a & 0xFFFFu) | (uint32_t)sl_shift_truncate32(second, right)
                                                      << 16;
            memcpy(pairs + j * L + 2 * s, &word, sizeof word);
        }
    }
}

/* Gradient by a row's inputs, where their gates are open; right_mean and right: the sums' shifts.
 */
SL_INLINE void sl_input_gradients(const int16_t *restrict h, const sl_gate_t *restrict gate,
                                  const int32_t *restrict mean, int32_t right_mean,
                                  const int32_t *restrict spread, int32_t right,
                                  int32_t *restrict below, uint32_t *count) {
    uint32_t clamped = 0;
    if (right_mean >= 0 && right >= 17) {
        const int32_t half = (1 << right_mean) >> 1, by = sl_min32(right, 46);
        for (uint32_t s = 0; s < L; s++) {
            const int32_t both =
                ((mean[s] + half) >> right_mean) + sl_input_product(h[s], spread[s], by);
            below[s] = sl_clamp_count(gate[s] > 0 ? both : 0, SL_LIMIT24, &clamped);
        }
    } else {
        for (uint32_t s = 0; s < L; s++) {
            int64_t both = sl_input_gradient(mean[s], right_mean, (int64_t)h[s] * spread[s], right);
            both = gate[s] > 0 ? both : 0;
            below[s] = sl_clamp64(both, SL_LIMIT24);
            clamped += below[s] != both;
        }
    }
    for (uint32_t s = 0; SL_GATED && s < L; s++) {
        below[s] = sl_gated(below[s], gate[s]);
    }
    *count += clamped;
}

/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const int32_t *delta, const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const sl_gate_t *gate = sl_gates(scratch) + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - SL_LANE_BITS);
    const int32_t k_r = sl_min32(SL_LANE_BITS - sl_sum_bits(r, layer->columns), 12);
    const int32_t right_mean = layer->mu_frac_bits - k_delta;
    sl_unit_pairs(delta, layer->columns, k_delta, scratch->pairs_a);
    sl_unit_pairs(r, layer->columns, -k_r, scratch->pairs_b);
    const int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, rho += layer->columns) {
        int32_t through_mean[L], through_spread[L];
        int16_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            any |= gate[i * L + s];
        }
        if (any == 0) {
            memset(below + i * L, 0, L * sizeof *below);
            continue;
        }
        sl_dot_pairs(scratch->pairs_a, L, L, (sl_numbers_t){mu, 2, 1, layer->columns},
                     through_mean);
        sl_dot_pairs(scratch->pairs_b, L, L, (sl_numbers_t){rho, 2, 1, layer->columns},
                     through_spread);
        sl_input_gradients(x + i * L, gate + i * L, through_mean, right_mean, through_spread,
                           11 + scratch->frac_bits[index] + k_r - exponent[i], below + i * L,
                           &scratch->saturations[SL_SAT_GRADIENT]);
    }
}
