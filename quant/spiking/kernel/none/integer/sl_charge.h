/* Without spiking layers nothing is charged. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"

enum { SL_SPIKES = 0, SL_VARIANCE_FRAC_BITS = 20 };

static inline uint32_t sl_root(uint32_t x) {
    return sl_isqrt32(x);
}

static inline uint32_t sl_charged(uint32_t index) {
    (void)index;
    return 0;
}

static inline int32_t sl_inverse(int32_t s) {
    return s == 0 ? 0 : (1 << 30) / s;
}

/* What a layer's bias has for an input. */
static inline int32_t sl_bias_input(uint32_t index, int32_t frac_bits, const sl_state_t *state) {
    (void)index;
    (void)state;
    return 1 << frac_bits;
}

SL_FOLD void sl_charge(uint32_t index, int32_t *mean, uint32_t *power, int32_t right_mean,
                       int32_t right_variance, const sl_state_t *state, sl_scratch_t *scratch) {
    (void)index;
    (void)mean;
    (void)power;
    (void)right_mean;
    (void)right_variance;
    (void)state;
    (void)scratch;
}

static inline uint32_t sl_charge_draws_late(uint32_t index, const sl_scratch_t *scratch) {
    (void)index;
    (void)scratch;
    return 0;
}

SL_FOLD void sl_charge_sample(uint32_t index, const int32_t *mean, const int32_t *deviation,
                              const sl_state_t *state, sl_scratch_t *scratch) {
    (void)index;
    (void)mean;
    (void)deviation;
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_charge_means(uint32_t index, int32_t *a, const sl_state_t *state,
                             sl_scratch_t *scratch) {
    (void)index;
    (void)a;
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_charge_recall(uint32_t index, sl_scratch_t *scratch) {
    (void)index;
    (void)scratch;
}
