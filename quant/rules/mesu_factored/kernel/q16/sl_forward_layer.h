/* The forward pass of a layer with factored variance. Golden model: the rule's golden.py. */
#pragma once

#include <stddef.h>

#include "sl_block.h"
#include "sl_factor.h"
#include "sl_front_end.h"
#include "sl_pre_activation.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_tiles.h"

SL_INLINE void sl_factored_product_first_q16(const sl_layer_t *layer, const sl_state_t *state,
                                             const sl_scratch_t *scratch, int32_t k_mean,
                                             int32_t *mean) {
    const sl_product_t product = {
        .mu = state->mu + layer->synapse, .scratch = scratch, .k_mean = k_mean};
    sl_sum_units(layer, &product, 0, mean, NULL);
}

SL_INLINE void sl_factored_product_later_q16(const sl_layer_t *layer, const sl_state_t *state,
                                             const int16_t *x, int32_t k_mean, int32_t *mean) {
    const sl_product_t product = {.mu = state->mu + layer->synapse, .x = x, .k_mean = k_mean};
    sl_sum_units(layer, &product, 1, mean, NULL);
}

/* Sum x^2 row of layer 0, below 2^32: see sl_root. */
SL_INLINE uint32_t sl_factored_power_first_q16(const sl_layer_t *layer, const int16_t *restrict x,
                                               const uint32_t *restrict row, sl_block_t block,
                                               int32_t top) {
    uint32_t power = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const uint32_t square = sl_block_square(sl_shift_truncate32(x[i], block.k_mean), block);
        power += (sl_top_bits(row[i], 12) * square) >> (top - sl_factor_octave(row[i]));
    }
    return power;
}

SL_INLINE void sl_power_later(const sl_layer_t *layer, const int16_t *restrict x,
                              const uint32_t *restrict row, sl_block_t block, int32_t top,
                              uint32_t *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++) {
        const uint32_t mantissa = sl_top_bits(row[i], 12);
        const int32_t right = top - sl_factor_octave(row[i]);
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t square = sl_block_square(x[i * L + s] >> block.k_mean, block);
            power[s] += (mantissa * square) >> right;
        }
    }
}

/* The square root of power * 2^-exponent as root * 2^-result, root with its 16th bit set, or 0. */
static int32_t sl_factored_root(uint32_t power, int32_t exponent, uint32_t *root) {
    int32_t up = 32 - sl_bit_length(power);
    up -= (exponent + up) & 1;
    *root = power == 0 ? 0 : sl_isqrt32(up >= 0 ? power << up : power >> 1);
    return (exponent + up) >> 1;
}

SL_ONE_COPY SL_INLINE void sl_column_roots(const uint32_t *restrict column, uint32_t n,
                                           uint16_t *restrict root) {
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t odd = column[j] >> SL_FACTOR_BITS & 1;
        const uint32_t square = sl_top_bits(column[j], 28) << (3 + odd);
        /* of an integer of 32 bits the same, and in vectors */
        root[j] =
            (uint16_t)(SL_ON_HOST ? (uint32_t)__builtin_sqrt((double)square) : sl_isqrt32(square));
    }
}

static int32_t sl_factored_spread_q16(uint32_t product, int32_t right, uint32_t *count) {
    uint32_t spread = SL_SPREAD_MAX + 1;
    if (right >= 0) {
        spread = right > 31 ? 0 : product >> right;
    } else if (product == 0) {
        spread = 0;
    }
    if (spread > SL_SPREAD_MAX) {
        spread = SL_SPREAD_MAX;
        (*count)++;
    }
    return (int32_t)spread;
}

/* One layer: pre-activations a = x mu + epsilon sqrt(column sum x^2 row), Q15.16, into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    const uint32_t *row = state->row + layer->first, *column = state->column + layer->unit;
    const int32_t top = sl_top_octave(row, layer->rows);
    uint32_t *root = scratch->input_root + index * L;
    int32_t *exponent = scratch->input_exponent + index * L;
    uint16_t *column_root = scratch->column_root + layer->unit;
    int32_t *a = scratch->block_a, *mean = scratch->block_b;
    uint32_t power[L] = {0};

    sl_block_t block;
    if (index == 0) {
        block = sl_block_inputs(x, layer->rows, 1);
        sl_factored_product_first_q16(layer, state, scratch, block.k_mean, mean);
        power[0] = sl_factored_power_first_q16(layer, x, row, block, top);
    } else {
        block = sl_block_inputs(x, layer->rows, L);
        sl_factored_product_later_q16(layer, state, x, block.k_mean, mean);
        sl_power_later(layer, x, row, block, top, power);
    }
    const int32_t scale =
        39 - layer->v_exponent + 2 * (frac_bits - block.k_mean) + block.k_square - top;
    for (uint32_t s = 0; s < (index == 0 ? 1 : S); s++) {
        exponent[s] = sl_factored_root(power[s], scale, &root[s]);
    }
    sl_column_roots(column, layer->columns, column_root);
    const int32_t right = frac_bits - block.k_mean + state->mu_frac_bits[index] - 16;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    uint32_t *clamped = &scratch->saturations[SL_SAT_ACTIVATION];
    int32_t widest = 0;
    for (uint32_t j = 0; j < layer->columns; j++, a += L, epsilon += L) {
        const int32_t fraction = sl_root_exponent(column[j]) - 12;
        int32_t centre = 0, spread = 0;
        for (uint32_t s = 0; s < S; s++) {
            if (index != 0 || s == 0) {
                const int64_t wide = sl_shift_round64(mean[index == 0 ? j : j * L + s], right);
                centre = sl_clamp64(wide, SL_PRE_ACTIVATION_MAX);
                *clamped += centre != wide;
                spread = sl_factored_spread_q16(root[s] * column_root[j], exponent[s] + fraction,
                                                clamped);
                widest = sl_max32(widest, spread);
                if (SL_HEAD_SPREAD && index + 1 == SL_N_LAYERS && j == 0) {
                    sl_factored_keep_spread_q16(scratch, s, spread);
                }
            }
            a[s] = centre + ((spread * epsilon[s] + 8) >> 4);
        }
        for (uint32_t s = S; s < L; s++) {
            a[s] = 0;
        }
    }
    sl_step_widest(&scratch->step, index, widest);
}
