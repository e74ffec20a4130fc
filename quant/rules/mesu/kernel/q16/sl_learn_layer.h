/* MESU in integers, a layer's learning step. Golden model: the rule's golden.py, function for
 * function. Bonnet et al., arXiv 2504.13569. */
#pragma once

#include "sl_build.h"

#include "sl_charge.h"
#include "sl_forward_layer.h"

#ifdef SL_HOST
#include "sl_backward_inputs.h"
#include "sl_first_update.h"
#include "sl_later_update.h"
#elif SL_SMALL
#include "sl_small_learn.h"
#else
#include "sl_chip_backward.h"
#include "sl_chip_first.h"
#include "sl_chip_update.h"
#endif
#include "sl_mesu_backward.h"
#include "sl_noise.h"
#include "sl_pull.h"
#include "sl_rows.h"
#include "sl_step.h"

/* The prior pulls some rows of a layer. */
SL_INLINE void sl_mesu_pull(uint32_t index, uint32_t key, sl_state_t *state,
                            sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const sl_mesu_pull_t pull = {sl_step_pull_mu(&scratch->step, SL_PULL_MU),
                                 sl_step_pull_sigma(&scratch->step, SL_PULL_RHO)};
    uint32_t *count = scratch->saturations;
    uint32_t i = sl_first_pulled(layer, state);
    for (; i < layer->rows; i += SL_SWEEP) {
        const uint32_t start = layer->synapse + i * layer->columns;
        int16_t *rho = state->rho + start;
        int8_t *exponent = state->rho_exponent + layer->first + i;
        const uint32_t seen = sl_pull_row(state->mu + start, rho, *exponent, layer, pull,
                                          sl_noise_word(key, SL_STREAM_PULL + index, i),
                                          scratch->column_word, &count[SL_SAT_MU]);
        sl_row_narrow(rho, exponent, layer->columns, layer->v_exponent, seen, &count[SL_SAT_RHO]);
        sl_row_widen(rho, exponent, layer->columns, layer->v_exponent, seen);
    }
}

SL_FOLD void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state, sl_scratch_t *scratch,
                            int32_t *delta, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    int32_t *r = scratch->block_r;
    uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
    int32_t *inverse = index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
    for (uint32_t e = 0; SL_LATE_INVERSES && e < layer->columns * (index == 0 ? 1 : L); e++) {
        inverse[e] = sl_inverse(inverse[e]);
    }
    if (sl_charged(index)) {
        sl_charge_recall(index, scratch);
        sl_look_again(index, state, scratch);
    }
#if SL_SMALL
    const uint32_t n = layer->columns * (index == 0 ? 1 : L);
    sl_small_ratio(delta, epsilon, inverse, n, index == 0 ? S : 1,
                   index == 0 ? SL_RATIO_SUM_MAX : SL_LIMIT24, r, count);
    if (index != 0) {
        sl_backward_inputs(index, state, scratch, delta, r, below);
    }
#else
    if (index == 0) {
        sl_ratio_sum(delta, epsilon, inverse, layer->columns, r, count);
    } else {
        sl_ratio(delta, epsilon, inverse, layer->columns * L, r, count);
        sl_backward_inputs(index, state, scratch, delta, r, below);
    }
#endif
    for (uint32_t j = 0; j < layer->columns; j++) {
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }
#if SL_SMALL
    sl_small_update(index, key, state, scratch, delta, r);
#else
    if (index == 0) {
        sl_first_update(key, state, scratch, delta, r);
    } else {
        sl_later_update(index, key, state, scratch, delta, r);
    }
#endif
    sl_mesu_pull(index, key, state, scratch);
}
