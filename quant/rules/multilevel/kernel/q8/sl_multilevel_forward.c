/* Weights of few levels, the forward pass. Golden model: the rule's golden.py. */
#include "sl_integer.h"
#include "sl_multilevel.h"
#include "sl_parts.h"

enum { SL_DEVIATION_BITS = 15, SL_UNIT_MAX = 127 };

static int64_t sl_floor_divide(int64_t a, int64_t b) {
    const int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

/* The norm of a layer's input. */
static void sl_note_size(uint32_t index, uint32_t square_sum, sl_scratch_t *scratch) {
    const int32_t exponent = square_sum == 0 ? 0 : (32 - sl_bit_length(square_sum)) >> 1;
    scratch->norm_mantissa[index] = sl_isqrt32(square_sum << 2 * exponent);
    scratch->norm_exponent[index] = exponent;
}

/* Sums of a layer: rows whose input is 0 are left out. A weight is 2v - steps, so the sum of its
 * levels is doubled, and the steps are taken off once. */
static void sl_sums(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    int32_t *sums = scratch->sums, all = 0;
    uint32_t square_sum = 0;
    for (uint32_t j = 0; j < layer->width; j++) {
        sums[j] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t x = sl_input(scratch, index, i);
        if (x == 0) {
            continue;
        }
        const uint8_t *levels = state->level + layer->level + i * layer->width;
        for (uint32_t j = 0; j < layer->width; j++) {
            sums[j] += x * levels[j];
        }
        all += x;
        square_sum += (uint32_t)(x * x);
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        sums[j] = (int32_t)(2 * (int64_t)sums[j] - (int64_t)all * SL_STEPS);
    }
    sl_note_size(index, square_sum, scratch);
}

/* How far units are above the threshold, in deviations of their layer's sums. */
static void sl_activate(uint32_t index, sl_scratch_t *scratch) {
    const uint32_t n = sl_layers[index - 1].columns;
    const int32_t *sums = scratch->sums;
    uint8_t *units = scratch->units + sl_layers[index].first;
    int64_t all = 0;
    for (uint32_t j = 0; j < n; j++) {
        all += sums[j];
    }
    const int64_t mean = sl_floor_divide(all, n);
    uint64_t most = 0, power = 0;
    for (uint32_t j = 0; j < n; j++) {
        const int64_t apart = sums[j] - mean;
        const uint64_t size = (uint64_t)(apart < 0 ? -apart : apart);
        most = size > most ? size : most;
    }
    const int32_t right = sl_bit_length64(most) - SL_DEVIATION_BITS;
    for (uint32_t j = 0; j < n; j++) {
        const int32_t b = (int32_t)sl_shift_round64(sums[j] - mean, right);
        scratch->sums[j] = b;
        power += (uint32_t)(b * b);
    }
    const uint32_t deviation = sl_isqrt32((uint32_t)(power / n));
    const int64_t inverse = deviation == 0 ? 0 : (1u << 26) / deviation;
    for (uint32_t j = 0; j < n; j++) {
        const int32_t above = (int32_t)sl_shift_round64(sums[j] * inverse, 22) - SL_THRESHOLD;
        units[j] = (uint8_t)sl_clamp32(above, 0, SL_UNIT_MAX);
    }
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        if (index > 0) {
            sl_activate(index, scratch);
        }
        if (SL_BIAS) {
            const uint32_t last = sl_layers[index].rows - 1;
            if (index == 0) {
                scratch->input[last] = SL_ONE;
            } else {
                scratch->units[sl_layers[index].first + last] = SL_ONE;
            }
        }
        sl_sums(index, state, scratch);
    }
    const uint32_t mantissa = scratch->norm_mantissa[SL_N_LAYERS - 1];
    const int64_t inverse = mantissa == 0 ? 0 : (int64_t)(SL_LOGIT_SCALE / mantissa);
    const int32_t right = 20 - scratch->norm_exponent[SL_N_LAYERS - 1];
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        const int32_t logit = (int32_t)sl_shift_round64(scratch->sums[k] * inverse, right);
        scratch->logit_sum[k] = logit;
        best = logit > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}
