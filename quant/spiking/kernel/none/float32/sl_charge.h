/* Without spiking layers nothing is charged. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

static inline uint32_t sl_charged(uint32_t index) {
    (void)index;
    return 0;
}

/* What a layer's bias has for an input. */
static inline float sl_bias_input(uint32_t index) {
    (void)index;
    return 1.0f;
}

SL_FOLD void sl_charge(uint32_t index, float *mean, float *power, const sl_state_t *state,
                       sl_scratch_t *scratch) {
    (void)index;
    (void)mean;
    (void)power;
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_charge_means(uint32_t index, float *a, const sl_state_t *state) {
    (void)index;
    (void)a;
    (void)state;
}

SL_FOLD void sl_charge_recall(uint32_t index, sl_scratch_t *scratch) {
    (void)index;
    (void)scratch;
}
