/* MESU in integers, the forward pass of a layer. Golden model: the rule's golden.py, function for
 * function. Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv
 * 1506.02557. */
#pragma once

#include "sl_first.h"
#include "sl_front_end.h"
#include "sl_later_sums.h"
#ifndef SL_HOST
#include "sl_chip_sums.h"
#define sl_first_sums sl_chip_first_sums
#define sl_later_sums sl_chip_later_sums
#endif
#include "sl_pre_activation.h"
#include "sl_rule.h"
#include "sl_step.h"

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

#ifdef SL_HOST

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. */
SL_INLINE sl_sums_t sl_first_sums(const sl_state_t *state, sl_scratch_t *scratch, int32_t *mean,
                                  uint32_t *power) {
    const sl_layer_t *layer = &sl_layers[0];
    sl_first_rows_t first = {
        .mu = state->mu + layer->synapse,
        .rho = state->rho + layer->synapse,
        .x = scratch->input,
        .exponent = state->rho_exponent + layer->first,
        .rows = scratch->active,
        .n = scratch->n_active,
    };
    int32_t most = first.n == 0 ? 1 : -128;
    uint32_t size = 0, each = 0;
    uint64_t total = 0;
    const uint32_t rows = SL_ON_HOST ? layer->rows : first.n; /* what is not active adds 0 */
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = SL_ON_HOST ? a : first.rows[a];
        most = sl_max32(most, first.x[i] != 0 ? first.exponent[i] : -128);
    }
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = SL_ON_HOST ? a : first.rows[a];
        const uint32_t wide = sl_square_wide(first.x[i], most - first.exponent[i]);
        size += sl_abs32(first.x[i]);
        each = wide > each ? wide : each;
        total += wide;
    }
    first.k_mean = sl_max32(0, sl_bit_length(size) - 16);
    first.squares = (sl_squares_t){most, sl_squares_shift(each, total, most)};
    sl_columns_sum(&first, mean, power);
    return (sl_sums_t){first.k_mean, 0, most + first.squares.k - SL_SQUARE_MORE_BITS};
}

#endif

/* A mean in Q15.16, clamped. */
static inline int32_t sl_centre(int32_t mean, int32_t right, uint32_t *count) {
    if (right >= 0) {
        return sl_clamp_count(sl_shift_round32(mean, right), SL_PRE_ACTIVATION_MAX, count);
    }
    const int32_t left = sl_min32(-right, 30);
    const int32_t kept = sl_clamp_count(mean, SL_PRE_ACTIVATION_MAX >> left, count);
    return (int32_t)((uint32_t)kept << left);
}

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), Q15.16, into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    int32_t *a = scratch->block_a;
    uint32_t *power = (uint32_t *)scratch->block_b;
    int32_t *mean = scratch->block_r;

    const sl_sums_t sums = index == 0 ? sl_first_sums(state, scratch, mean, power)
                                      : sl_later_sums(index, state, scratch, mean, power);
    scratch->narrow[index] = sums.narrow;
    sl_isqrt_all(power, index == 0 ? layer->columns : layer->columns * L);
    const int32_t right = frac_bits - sums.k_mean + layer->mu_frac_bits - 16;
    const int32_t half_exponent = frac_bits - sums.narrow - ((sums.scale - SL_POINT) >> 1);
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    uint32_t *clamped = &scratch->saturations[SL_SAT_ACTIVATION];
    int32_t widest = 0;
    for (uint32_t j = 0; j < layer->columns; j++, a += L, epsilon += L) {
        int32_t centre = 0, spread = 0;
        for (uint32_t s = 0; s < S; s++) {
            if (index != 0 || s == 0) {
                const uint32_t e = index == 0 ? j : j * L + s;
                centre = sl_centre(mean[e], right, clamped);
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
