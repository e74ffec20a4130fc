/* The inputs of BiMU's later layers as traces of spikes: how sums and gradients take them. */
#pragma once

#include "sl_bimu.h"
#include "sl_gate.h"
#include "sl_sums.h"

typedef int16_t sl_later_t;     /* Q3.4 */
typedef sl_gate_t sl_passing_t; /* how a gradient passes, Q0.7; 0: not at all */

/* Those of a layer, [row][draw], but for its bias; and how many rows they are. */
static inline const sl_later_t *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->hidden + sl_sum_place(index) * L;
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_sum_rows(index);
}

static inline sl_passing_t sl_later_passing(const sl_scratch_t *scratch, uint32_t index,
                                            uint32_t e) {
    return sl_gates(scratch)[sl_sum_place(index) * L + e];
}

static inline int64_t sl_later_times(int64_t value, sl_later_t x) {
    return sl_shift_round64(value * x, 4);
}

static inline int64_t sl_later_turned(int64_t gradient, sl_passing_t passing) {
    (void)passing;
    return gradient;
}

static inline int32_t sl_later_passed(int32_t gradient, sl_passing_t passing) {
    return sl_gated(gradient, passing);
}

/* The largest of a row in any draw; x = 0: a bias. */
SL_FOLD int32_t sl_later_size(const sl_later_t *x) {
    int32_t largest = x == 0 ? SL_SIGN : 0;
    for (uint32_t s = 0; x != 0 && s < S; s++) {
        largest = sl_max32(x[s], largest);
    }
    return largest;
}

/* The largest input of any row and draw. */
static inline uint32_t sl_later_largest(const sl_scratch_t *scratch, uint32_t index) {
    int32_t largest = SL_BIAS ? SL_SIGN : 0;
    for (uint32_t i = 0; index > 0 && i < sl_later_rows(index); i++) {
        largest = sl_max32(sl_later_size(sl_later_inputs(scratch, index) + i * L), largest);
    }
    return (uint32_t)largest;
}

/* Lanes times inputs, and times their squares; a bias is the same in all draws. */
SL_FOLD int32_t sl_later_sum(const int16_t *lane, const sl_later_t *x) {
    int32_t sum = 0;
    for (uint32_t s = 0; s < S; s++) {
        sum += lane[s] * (x == 0 ? SL_SIGN : x[s]);
    }
    return sum;
}

SL_FOLD int32_t sl_later_square_sum(const int16_t *lane, const sl_later_t *x) {
    int32_t sum = 0;
    for (uint32_t s = 0; s < S; s++) {
        const int32_t value = x == 0 ? SL_SIGN : x[s];
        sum += lane[s] * (value * value);
    }
    return sum;
}
