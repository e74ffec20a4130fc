/* What hidden units of BiMU hand on: whether they are above their threshold. Golden model: the
 * rule's golden.py. */
#pragma once

#include "sl_bimu.h"
#include "sl_bimu_later.h"

/* Whether each draw's unit is open, and the gate's slope. */
static void sl_bimu_gate(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t *sums = scratch->sums + layer->unit * L;
    const int64_t size = scratch->deviation[index], mean = scratch->mean[index];
    const int64_t limit = (size * SL_GATE_THRESHOLD) >> 8;
    const int64_t near = (size * (SL_GATE_THRESHOLD - SL_GATE_WINDOW)) >> 8;
    const int64_t far = (size * (SL_GATE_THRESHOLD + SL_GATE_WINDOW)) >> 8;
    int8_t *gate = scratch->gate + layer->unit * L;
    for (uint32_t e = 0; e < layer->columns * L; e++) {
        const int64_t apart = sums[e] - mean;
        const int32_t falls = SL_GATE_SIDES == 2 && apart < 0;
        const int64_t distance = falls ? -apart : apart;
        int32_t found = distance > limit ? SL_OPEN : 0;
        if (distance > near && distance < far && (SL_GATE_SIDES == 1 || apart != 0)) {
            found |= falls ? SL_FALLING : SL_RISING;
        }
        gate[e] = (int8_t)(e % L < S ? found : 0);
    }
}

/* What the outputs are measured in. */
SL_FOLD void sl_bimu_measure(uint32_t index, sl_scratch_t *scratch) {
    sl_bimu_normalise(index, scratch);
}

/* A hidden layer's sums become gates. */
static void sl_bimu_hand_on(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    (void)state;
    sl_bimu_normalise(index, scratch);
    sl_bimu_gate(index, scratch);
}

/* A later layer: inputs are gates, of which every draw has its own; a row that is closed in all
 * draws is left out. */
static void sl_forward_later(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t units = sl_layers[index - 1].columns, n = layer->columns * L;
    const sl_later_t *below = sl_later_inputs(scratch, index);
    const int32_t k = sl_square_shift(layer->rows * SL_SIGN * SL_SIGN);
    const uint32_t square = (uint32_t)sl_shift_round32(SL_SIGN * SL_SIGN, k);
    uint32_t *spread = sl_spreads(scratch, index);
    int32_t *sums = scratch->sums + layer->unit * L;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    for (uint32_t e = 0; e < n; e++) {
        sums[e] = 0;
        spread[e] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const sl_belief_t *beliefs = state->belief + layer->belief + i * layer->width;
        int32_t open[L] = {0};
        int32_t any = 0;
        for (uint32_t s = 0; s < S; s++) {
            open[s] = i < units ? -(below[i * L + s] & SL_OPEN) : -1;
            any |= open[s];
        }
        if (!any) {
            continue;
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t entry = sl_entry(beliefs[j]), t = sl_low_half(entry) * SL_SIGN;
            const int32_t v = (entry >> 16) * (int32_t)square;
            for (uint32_t s = 0; s < L; s++) {
                sums[j * L + s] += t & open[s];
                spread[j * L + s] += (uint32_t)(v & open[s]);
            }
        }
    }
    for (uint32_t e = 0; e < n; e++) {
        spread[e] = sl_isqrt32(spread[e]) << (k + 1) / 2;
        sums[e] += sl_noise_of(spread[e], epsilon[e]);
    }
}
