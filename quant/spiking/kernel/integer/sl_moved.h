/* What a learning step moves a hidden layer's membranes by at once is put back: their charges came
 * under the weights of then. Golden model: take_back of quant/spiking/golden.py. */
#pragma once

#include <stdint.h>

#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum {
    SL_DELTA_FRAC_BITS = 20,
    SL_MOVE_FRAC_BITS = 12,
    SL_MOVE_RATE_MAX = (1 << 23) - 1,
    SL_MOVE_DEVIATION_MAX = (1 << 16) - 1,
};

/* delta: .20, [unit][lane]; inverse: Q.18, [unit] where all draws have one, else [unit][lane]; the
 * gain is lr_mu/n_draws, mantissa 2^-exponent. */
SL_INLINE void sl_time_take_back(uint32_t index, const int32_t *delta, const int32_t *inverse,
                                 int32_t mantissa, int32_t exponent, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t right = sl_max32(exponent + SL_DELTA_FRAC_BITS - SL_MOVE_FRAC_BITS, 0);
    if (index + 1 == SL_N_LAYERS) {
        return;
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += delta[j * L + s];
        }
        if (sum == 0) {
            continue;
        }
        const int64_t wide = sl_shift_round64((int64_t)sum * mantissa, right);
        const int32_t rate = sl_clamp64(wide, SL_MOVE_RATE_MAX);
        for (uint32_t s = 0; s < S; s++) {
            const int32_t over = inverse[index == 0 ? j : j * L + s];
            const uint32_t deviation =
                over == 0 ? 0 : (uint32_t)sl_min32((1 << 30) / over, SL_MOVE_DEVIATION_MAX);
            const int64_t product = (int64_t)rate * (int32_t)((deviation * deviation) >> 9);
            const int32_t moved = (int32_t)sl_shift_round64(product, 18);
            int16_t *reset = &scratch->new_reset[(layer->unit + j) * S + s];
            *reset = (int16_t)sl_clamp32(*reset - moved, -SL_TRACE_MAX, SL_TRACE_MAX);
        }
    }
}
