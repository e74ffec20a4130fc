/* Averaged weights: steps that are learned read the weights, all others a running mean of them. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

/* The means of all weights that a step reads. */
#define SL_MEANS(state, scratch) ((scratch)->averaged ? (state)->average : (state)->mu)

/* Says which weights the steps to come read: 1: the averaged ones. */
SL_FOLD void sl_average_show(sl_scratch_t *scratch, uint32_t shown) {
    scratch->averaged = shown;
}

/* log2 of what a row's average is divided by at this step. */
SL_FOLD uint32_t sl_average_shift(const sl_state_t *state) {
    uint32_t shift = 0;
    for (uint32_t visits = state->n_samples / SL_AVERAGE_ROWS + 1;
         visits > 1 && shift < SL_AVERAGE_SHIFT; visits >>= 1) {
        shift++;
    }
    return shift;
}

/* The first of a layer's rows, SL_AVERAGE_ROWS apart, that follow the weights at this step. */
SL_FOLD uint32_t sl_average_first(const sl_layer_t *layer, const sl_state_t *state) {
    return (0u - layer->first - state->n_samples) % SL_AVERAGE_ROWS;
}
