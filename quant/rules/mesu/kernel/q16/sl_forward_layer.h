/* MESU in integers, the forward pass of a layer. Golden model: the rule's golden.py, function for
 * function. Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv
 * 1506.02557. */
#pragma once

#include "sl_block.h"
#include "sl_front_end.h"
#include "sl_pre_activation.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_tiles.h"
#include "sl_variance.h"

SL_INLINE void sl_mesu_product_first_q16(const sl_layer_t *layer, const sl_state_t *state,
                                         const sl_scratch_t *scratch, sl_block_t block,
                                         int32_t *mean, uint32_t *power) {
    const sl_product_t product = {.mu = state->mu + layer->synapse,
                                  .rho = state->rho + layer->synapse,
                                  .scratch = scratch,
                                  .block = block};
    sl_sum_units(layer, &product, 0, mean, power);
}

SL_INLINE void sl_mesu_product_later_q16(const sl_layer_t *layer, const sl_state_t *state,
                                         const int16_t *x, sl_block_t block, int32_t *mean,
                                         uint32_t *power) {
    const sl_product_t product = {.mu = state->mu + layer->synapse,
                                  .rho = state->rho + layer->synapse,
                                  .x = x,
                                  .block = block};
    sl_sum_units(layer, &product, 1, mean, power);
}

static void sl_isqrt_all(uint32_t *x, uint32_t n) {
    for (uint32_t e = 0; e < n; e++) {
        x[e] = sl_isqrt32(x[e]);
    }
}

static int32_t sl_mesu_spread_q16(uint32_t root, int32_t right, uint32_t *count) {
    if (right >= 0) {
        root = right > 31 ? 0 : root >> right;
    } else if (root > (uint32_t)SL_SPREAD_MAX >> sl_min32(-right, 31)) {
        root = SL_SPREAD_MAX + 1;
    } else {
        root <<= sl_min32(-right, 31);
    }
    if (root > SL_SPREAD_MAX) {
        root = SL_SPREAD_MAX;
        (*count)++;
    }
    return (int32_t)root;
}

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), Q15.16, into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    const int32_t parity = (12 - layer->v_exponent) & 1;
    int32_t *a = scratch->block_a;
    uint32_t *power = (uint32_t *)scratch->block_b;
    int32_t *mean = scratch->block_r;

    sl_block_t block;
    if (index == 0) {
        block = sl_block_inputs(x, layer->rows, 1, parity);
        sl_mesu_product_first_q16(layer, state, scratch, block, mean, power);
    } else {
        block = sl_block_inputs(x, layer->rows, L, parity);
        sl_mesu_product_later_q16(layer, state, x, block, mean, power);
    }
    sl_isqrt_all(power, index == 0 ? layer->columns : layer->columns * L);
    const int32_t right = frac_bits - block.k_mean + layer->mu_frac_bits - 16;
    const int32_t half_exponent =
        (12 - layer->v_exponent + 2 * (frac_bits - block.k_mean) + block.k_square) >> 1;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    uint32_t *clamped = &scratch->saturations[SL_SAT_ACTIVATION];
    int32_t widest = 0;
    for (uint32_t j = 0; j < layer->columns; j++, a += L, epsilon += L) {
        int32_t centre = 0, spread = 0;
        for (uint32_t s = 0; s < S; s++) {
            if (index != 0 || s == 0) {
                const uint32_t e = index == 0 ? j : j * L + s;
                const int64_t wide = sl_shift_round64(mean[e], right);
                centre = sl_clamp64(wide, SL_PRE_ACTIVATION_MAX);
                *clamped += centre != wide;
                spread = sl_mesu_spread_q16(power[e], half_exponent - 12, clamped);
                int32_t *inverse =
                    index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
                inverse[e] = spread == 0 ? 0 : (1 << 30) / spread;
                widest = sl_max32(widest, spread);
            }
            a[s] = centre + ((spread * epsilon[s] + 8) >> 4);
        }
        for (uint32_t s = S; s < L; s++) {
            a[s] = 0;
        }
    }
    sl_step_widest(&scratch->step, index, widest);
}
