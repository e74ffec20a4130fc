/* BiMU in integers, the forward pass. Golden model: the rule's golden.py. arXiv 2605.30198. */
#include "sl_bimu.h"
#include "sl_epsilon.h"
#include "sl_parts.h"
#include "sl_replay.h"

enum { SL_SQUARE_BITS = 16 };

const int32_t sl_belief_table[256] = SL_BELIEF_TABLE;

#if SL_N_CUTS
static const int16_t sl_cuts[SL_N_CUTS] = SL_CUTS;

/* Each column becomes the signs of its distances from the cuts, in place, so the last one first. */
static void sl_cut(sl_input_t *input) {
    for (uint32_t i = SL_N_FEATURES; i-- > 0;) {
        const int32_t z = input[i];
        for (uint32_t k = 0; k < SL_N_CUTS; k++) {
            input[i * SL_N_CUTS + k] = z >= sl_cuts[k] ? SL_SIGN : -SL_SIGN;
        }
    }
}
#endif

/* The norm of a layer's input; the odd shift after which squares sum to less than 2^16. */
static int32_t sl_note_norm(uint32_t index, uint32_t square_sum, sl_scratch_t *scratch) {
    const int32_t exponent = square_sum == 0 ? 0 : (32 - sl_bit_length(square_sum)) >> 1;
    scratch->norm_mantissa[index] = sl_isqrt32(square_sum << 2 * exponent);
    scratch->norm_exponent[index] = exponent;
    return sl_max32(sl_bit_length(square_sum) - SL_SQUARE_BITS, -1) | 1;
}

/* The deviation of a unit and the noise of its draws, from mean and power. */
static void sl_sample(const sl_layer_t *layer, uint32_t j, uint32_t power, int32_t k,
                      sl_scratch_t *scratch) {
    const uint32_t spread = sl_isqrt32(power) << (k + 1) / 2;
    const int16_t *epsilon = scratch->epsilon + (layer->unit + j) * L;
    int32_t *sums = scratch->sums + (layer->unit + j) * L;
    scratch->spread[layer->unit + j] = spread;
    for (uint32_t s = 0; s < S; s++) {
        sums[s] += ((int32_t)(spread >> 3) * epsilon[s] + 16) >> 5;
    }
}

/* Layer 0: all draws have the same input, and rows whose input is 0 are left out. Four columns at a
 * time, whose sums stay in registers. */
static void sl_forward_first(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    uint32_t n = 0, square_sum = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t x = scratch->input[i];
        if (x != 0) {
            scratch->row[n++] = (uint16_t)i;
            square_sum += (uint32_t)(x * x);
        }
    }
    const int32_t k = sl_note_norm(0, square_sum, scratch);
    for (uint32_t r = 0; r < n; r++) {
        const int32_t x = scratch->input[scratch->row[r]];
        scratch->square[r] = (int16_t)sl_shift_round32(x * x, k);
    }
    for (uint32_t j = 0; j < layer->columns; j += 4) {
        const int8_t *beliefs = state->belief + layer->belief + j;
        int32_t mean[4] = {0};
        uint32_t power[4] = {0};
        for (uint32_t r = 0; r < n; r++) {
            const uint32_t i = scratch->row[r];
            const int16_t x = (int16_t)scratch->input[i], square = scratch->square[r];
            const int8_t *b = beliefs + i * layer->width;
            SL_UNROLL_ALWAYS
            for (uint32_t c = 0; c < 4; c++) {
                const int32_t entry = sl_entry(b[c]);
                mean[c] += (int16_t)entry * x;
                power[c] += (uint32_t)((entry >> 16) * square);
            }
        }
        for (uint32_t c = 0; c < 4 && j + c < layer->columns; c++) {
            int32_t *sums = scratch->sums + (layer->unit + j + c) * L;
            for (uint32_t s = 0; s < S; s++) {
                sums[s] = mean[c];
            }
            sl_sample(layer, j + c, power[c], k, scratch);
        }
    }
}

/* A later layer: inputs are signs, of which every draw has its own. */
static void sl_forward_later(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t units = sl_layers[index - 1].columns;
    const int32_t *below = sl_units_below(scratch, index);
    const int32_t k = sl_note_norm(index, layer->rows * SL_SIGN * SL_SIGN, scratch);
    const uint32_t square = (uint32_t)sl_shift_round32(SL_SIGN * SL_SIGN, k);
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int8_t *beliefs = state->belief + layer->belief + j;
        int32_t *sums = scratch->sums + (layer->unit + j) * L;
        uint32_t power = 0;
        for (uint32_t s = 0; s < S; s++) {
            sums[s] = 0;
        }
        for (uint32_t i = 0; i < layer->rows; i++) {
            const int32_t entry = sl_entry(beliefs[i * layer->width]);
            const int32_t t = sl_tanh(entry) * SL_SIGN;
            power += (uint32_t)(entry >> 16) * square;
            for (uint32_t s = 0; s < S; s++) {
                sums[s] += i < units && below[i * L + s] < 0 ? -t : t;
            }
        }
        sl_sample(layer, j, power, k, scratch);
    }
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t key = sl_step_key(state);
#if SL_N_CUTS
    sl_cut(scratch->input);
#endif
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = SL_SIGN;
    }
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noise_epsilon(key, index, layer->columns, scratch->epsilon + layer->unit * L);
        if (index == 0) {
            sl_forward_first(state, scratch);
        } else {
            sl_forward_later(index, state, scratch);
        }
    }
    const int32_t *sums = scratch->sums + sl_layers[SL_N_LAYERS - 1].unit * L;
    const uint32_t mantissa = scratch->norm_mantissa[SL_N_LAYERS - 1];
    const int64_t inverse = mantissa == 0 ? 0 : SL_LOGIT_SCALE / mantissa;
    const int32_t right = 20 - scratch->norm_exponent[SL_N_LAYERS - 1];
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        scratch->logit_sum[k] = 0;
        for (uint32_t s = 0; s < L; s++) {
            int32_t logit = 0;
            if (s < S) {
                logit = (int32_t)sl_shift_round64(sums[k * L + s] * inverse, right);
            }
            scratch->logits[k * L + s] = logit;
            scratch->logit_sum[k] += logit;
        }
        best = scratch->logit_sum[k] > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}
