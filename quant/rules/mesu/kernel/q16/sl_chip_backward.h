/* The gradient by a layer's inputs, on a chip: draw by draw, and only where an input is not 0. */
#pragma once

#include "sl_gate.h"
#include "sl_lanes16.h"
#include "sl_mesu_backward.h"

/* Both parts of a gradient where they may be far beyond its end. */
static __attribute__((noinline)) int32_t sl_chip_far(int32_t mean, int32_t right_mean, int32_t h,
                                                     int32_t through, int32_t right) {
    const int64_t sum = sl_input_gradient(mean, right_mean, (int64_t)h * through, right);
    return sum > 1 << 30 ? 1 << 30 : sum < -(1 << 30) ? -(1 << 30) : (int32_t)sum;
}

/* As the host's. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const int32_t *delta, const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const sl_gate_t *gate = sl_gates(scratch) + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    const uint32_t columns = layer->columns, stride = (columns + 1) & ~1u;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, columns) - SL_LANE_BITS);
    const int32_t k_r = sl_min32(SL_LANE_BITS - sl_sum_bits(r, columns), 12);
    const int32_t right_mean = layer->mu_frac_bits - k_delta;
    int16_t *blocked_delta = scratch->pairs_a, *blocked_r = scratch->pairs_b;
    for (uint32_t s = 0; s < S; s++) { /* [draw][unit] */
        for (uint32_t j = 0; j < stride; j++) {
            const uint32_t there = j < columns, e = there ? j * L + s : 0;
            blocked_delta[s * stride + j] =
                (int16_t)(there ? sl_shift_truncate32(delta[e], k_delta) : 0);
            blocked_r[s * stride + j] = (int16_t)(there ? sl_shift_truncate32(r[e], -k_r) : 0);
        }
    }
    const int16_t *mu = state->mu + layer->synapse, *rho = state->rho + layer->synapse;
    const int32_t right = 11 + scratch->frac_bits[index] + k_r;
    uint32_t clamped = 0;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += columns, rho += columns) {
        const int32_t down = right - exponent[i];
        const uint32_t near = right_mean >= 0 && right_mean < 32 && down >= 17 && down <= 46;
        for (uint32_t s = 0; s < S; s++) {
            const int32_t h = *x++;
            const sl_gate_t open = *gate++;
            if (open <= 0) {
                *below++ = 0;
                continue;
            }
            const sl_dots_t dot =
                sl_dots16(mu, blocked_delta + s * stride, rho, blocked_r + s * stride, columns);
            const int32_t gradient = near ? sl_shift_round32(dot.first, right_mean) +
                                                sl_input_product(h, dot.second, down)
                                          : sl_chip_far(dot.first, right_mean, h, dot.second, down);
            const int32_t kept = sl_clamp_count(gradient, SL_LIMIT24, &clamped);
            *below++ = SL_GATED ? sl_gated(kept, open) : kept;
        }
    }
    scratch->saturations[SL_SAT_GRADIENT] += clamped;
}
