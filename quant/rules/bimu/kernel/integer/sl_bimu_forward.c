/* BiMU in integers, the forward pass. Golden model: the rule's golden.py. arXiv 2605.30198. */
#include "sl_bimu.h"
#include "sl_bimu_first.h"
#include "sl_bimu_hidden.h"
#include "sl_cut.h"
#include "sl_epsilon.h"
#include "sl_parts.h"
#include "sl_replay.h"

const int32_t sl_belief_table[256 + SL_STEPS] = SL_BELIEF_TABLE;

/* Layer 0: all draws have the same input, and rows whose input is 0 are left out. */
static void sl_forward_first(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    uint32_t n = 0, square_sum = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t x = scratch->input[i];
        if (x != 0) {
            scratch->used[n++] = (sl_used_t){x, i * layer->width};
            square_sum += (uint32_t)(x * x);
        }
    }
    const int32_t k = sl_square_shift(square_sum);
    for (uint32_t r = 0; r < n; r++) {
        const int32_t x = scratch->used[r].pair;
        const uint32_t square = (uint32_t)sl_shift_round32(x * x, k);
        scratch->used[r].pair = (int32_t)(square << 16 | ((uint32_t)x & 0xFFFFu));
    }
    if (SL_KEEPS_BELIEFS) {
        sl_keep_beliefs(state, scratch);
    }
    for (uint32_t j = 0; j < layer->columns; j += SL_SIDE) {
        const sl_moments_t sum =
            SL_KEEPS_BELIEFS ? sl_kept_sums(j, n, scratch)
                             : sl_belief_sums(state->belief + layer->belief + j, n, scratch);
        for (uint32_t c = 0; c < SL_SIDE && j + c < layer->columns; c++) {
            const uint32_t spread = sl_isqrt32(sum.power[c]) << (k + 1) / 2;
            const int16_t *epsilon = scratch->epsilon + (j + c) * L;
            int32_t *sums = scratch->sums + (j + c) * L;
            scratch->spread[j + c] = spread;
            for (uint32_t s = 0; s < S; s++) {
                sums[s] = sum.mean[c] + sl_noise_of(spread, epsilon[s]);
            }
        }
    }
}

/* The normalised sums of the last layer, scaled, and the class with the largest. */
static int32_t sl_answer(sl_scratch_t *scratch) {
    const int32_t *sums = scratch->sums + sl_layers[SL_N_LAYERS - 1].unit * L;
    const sl_size_t size = scratch->size[SL_N_LAYERS - 1];
    const int64_t inverse = size.mantissa == 0 ? 0 : SL_LOGIT_SCALE / size.mantissa;
    const int32_t right = 24 - size.exponent;
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        scratch->logit_sum[k] = 0;
        for (uint32_t s = 0; s < L; s++) {
            int32_t logit = 0;
            if (s < S) {
                const int64_t apart = (int64_t)sums[k * L + s] - scratch->mean[SL_N_LAYERS - 1];
                logit = (int32_t)sl_shift_round64(apart * inverse, right);
            }
            scratch->logits[k * L + s] = logit;
            scratch->logit_sum[k] += logit;
        }
        best = scratch->logit_sum[k] > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}

/* All layers; without draws the noise is 0, so all draws are alike. */
static int32_t sl_forward(const sl_state_t *state, sl_scratch_t *scratch, uint32_t draws) {
    const uint32_t key = sl_step_key(state);
    sl_cut(scratch->input);
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = SL_SIGN;
    }
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        int16_t *epsilon = scratch->epsilon + layer->unit * L;
        if (draws) {
            sl_noise_epsilon(key, index, layer->columns, epsilon);
        } else {
            for (uint32_t e = 0; e < layer->columns * L; e++) {
                epsilon[e] = 0;
            }
        }
        if (index == 0) {
            sl_forward_first(state, scratch);
        } else {
            sl_forward_later(index, state, scratch);
        }
        if (index + 1 < SL_N_LAYERS) {
            sl_bimu_hand_on(index, state, scratch);
        } else {
            sl_bimu_measure(index, scratch);
        }
    }
    return sl_answer(scratch);
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    return sl_forward(state, scratch, 1);
}

int32_t sl_rule_forward_mean(const sl_state_t *state, sl_scratch_t *scratch) {
    return sl_forward(state, scratch, 0);
}
