/* The toy rule; golden model: quant.py. */
#include "sl_integer.h"
#include "sl_parts.h"

static int16_t *sl_inputs(sl_scratch_t *scratch, uint32_t layer) {
    return layer == 0 ? scratch->input : scratch->hidden[layer - 1];
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    int32_t best = 0;
    for (uint32_t l = 0; l < SL_N_LAYERS; l++) {
        const uint32_t n = sl_layers[l].columns;
        int16_t *x = sl_inputs(scratch, l), *h = scratch->hidden[l];
        x[sl_layers[l].rows - SL_BIAS] = 16;
        for (uint32_t j = 0; j < n; j++) {
            int32_t a = 0;
            for (uint32_t i = 0; i < sl_layers[l].rows; i++) {
                a += x[i] * state->weight[sl_layers[l].weight + i * n + j];
            }
            h[j] = (int16_t)sl_clamp32(a >> 6, 0, 1023);
            if (l + 1 == SL_N_LAYERS) {
                scratch->logit_sum[j] = a;
                best = a > scratch->logit_sum[best] ? (int32_t)j : best;
            }
        }
    }
    return best;
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const sl_layer_t last = sl_layers[SL_N_LAYERS - 1];
    uint32_t best = 0;
    for (uint32_t j = 0; j < last.columns; j++) {
        best = scratch->logit_sum[j] > scratch->logit_sum[best] ? j : best;
    }
    for (uint32_t i = 0; best != target && i < last.rows; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            const int32_t step = sl_inputs(scratch, SL_N_LAYERS - 1)[i] >> 2;
            int16_t *w = state->weight + last.weight + i * last.columns + (k ? best : target);
            const int32_t moved = *w + (k ? -step : step);
            *w = (int16_t)sl_clamp32(moved, -4095, 4095);
            scratch->saturations[SL_SAT_MU] += *w != moved;
        }
    }
}
