/* The rows of layer 0 take turns: each adds up the steps of SL_GATHER samples. Golden model:
 * golden_gather.py. */
#pragma once

#include <stdint.h>

#include "sl_bimu_step.h"
#include "sl_lanes16.h"
#include "sl_noise.h"
#include "sl_rule.h"

enum {
    SL_GATHERS = 1,
    SL_GATHERED_MAX = 2047,
    SL_RIGHT_MOST = 62,
};

/* The sum over a column's draws as a lane. */
static int16_t sl_gathered(const int32_t *y, uint32_t scale, int32_t right, sl_scratch_t *scratch) {
    int64_t sum = 0;
    for (uint32_t s = 0; s < S; s++) {
        sum += y[s];
    }
    const int64_t wide = sl_shift_round64(sum * scale, right);
    const int32_t kept = sl_clamp64(wide, SL_GATHERED_MAX);
    scratch->saturations[SL_SAT_GRADIENT] += kept != wide;
    return (int16_t)kept;
}

/* Keeps the sample's inputs and gradients in a slot. */
static void sl_gather_keep(uint32_t slot, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_size_t size = scratch->size[0];
    const uint32_t scale = (SL_GAIN_MANTISSA * sl_bimu_inverse(size)) >> 16; /* 0 if size is 0 */
    const int32_t exponent = 23 + SL_GAIN_EXPONENT - size.exponent;
    const int32_t right = sl_clamp32(exponent - 4, -22, SL_RIGHT_MOST);
    const int32_t right_noisy = sl_clamp32(exponent - 8, -17, SL_RIGHT_MOST);
    for (uint32_t i = 0; i < sl_layers[0].rows; i++) {
        state->gathered_input[i * SL_GATHER + slot] = (int8_t)scratch->input[i];
    }
    for (uint32_t j = 0; j < sl_layers[0].columns; j++) {
        const uint32_t at = j * SL_GATHER + slot;
        state->gathered_lane[at] = sl_gathered(scratch->delta + j * L, scale, right, scratch);
        state->gathered_noisy[at] =
            sl_gathered(scratch->noisy + j * L, scale, right_noisy, scratch);
    }
}

/* Steps a row by the samples that it has gathered. */
SL_FOLD void sl_gather_row(sl_belief_t *beliefs, const int16_t *x, const int16_t *square,
                           uint32_t word, int32_t doubled, const sl_state_t *state,
                           const sl_scratch_t *scratch) {
    const sl_shift_t by = {4, 8}, by_noisy = {8, 128};
    for (uint32_t j = 0; j < sl_layers[0].columns; j++) {
        const int16_t *lane = state->gathered_lane + j * SL_GATHER;
        const int16_t *noisy = state->gathered_noisy + j * SL_GATHER;
        const sl_dots_t dot = sl_dots16(x, lane, square, noisy, SL_GATHER);
        const int32_t b = beliefs[j];
        const int32_t step = sl_step(sl_belief_table + 128 + sl_belief_byte(b), dot.first,
                                     dot.second, by, by_noisy, 0);
        sl_move(beliefs + j, b, step, doubled, (word ^ scratch->column[j]) & SL_DITHER);
    }
}

/* Keeps a sample, and steps the rows whose turn it is. */
SL_INLINE void sl_gather_learn(uint32_t key, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    sl_gather_keep(state->n_samples % SL_GATHER, state, scratch);
    uint32_t most[SL_GATHER] = {0}, most_noisy[SL_GATHER] = {0};
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t c = 0; c < SL_GATHER; c++) {
            const uint32_t lane = sl_abs32(state->gathered_lane[j * SL_GATHER + c]);
            const uint32_t noisy = sl_abs32(state->gathered_noisy[j * SL_GATHER + c]);
            most[c] = lane > most[c] ? lane : most[c];
            most_noisy[c] = noisy > most_noisy[c] ? noisy : most_noisy[c];
        }
    }
    for (uint32_t i = (0u - state->n_samples) % SL_GATHER; i < layer->rows; i += SL_GATHER) {
        int16_t x[SL_GATHER], square[SL_GATHER];
        uint32_t sum = 8, noisy_sum = 128;
        for (uint32_t c = 0; c < SL_GATHER; c++) {
            const int32_t value = state->gathered_input[i * SL_GATHER + c];
            x[c] = (int16_t)value;
            square[c] = (int16_t)((value * value + 8) >> 4);
            sum += sl_abs32(value) * most[c];
            noisy_sum += (uint32_t)square[c] * most_noisy[c];
        }
        const uint32_t bound = (sum >> 4) + (noisy_sum >> 8);
        if (bound == 0) {
            continue;
        }
        const int32_t doubled = sl_clamp32(SL_STEP_FRAC_BITS - sl_bit_length(bound), 0, SL_RAREST);
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW, i);
        if (word >> 24 < 256u >> doubled) {
            sl_gather_row(state->belief + i * layer->width, x, square, word, doubled, state,
                          scratch);
        }
    }
}
