/* The inputs of BiMU's later layers as gates: how sums and gradients take them. */
#pragma once

#include "sl_bimu.h"

/* A gate in a draw: whether it is open, and its slope. */
enum { SL_OPEN = 1, SL_RISING = 2, SL_FALLING = 4 };

typedef int8_t sl_later_t;
typedef int32_t sl_passing_t; /* how a gradient passes; 0: not at all */

/* Those of a layer, [unit][draw], but for its bias. */
static inline const sl_later_t *sl_later_inputs(const sl_scratch_t *scratch, uint32_t index) {
    return scratch->gate + sl_layers[index - 1].unit * L;
}

static inline uint32_t sl_later_rows(uint32_t index) {
    return sl_layers[index - 1].columns;
}

static inline sl_passing_t sl_later_passing(const sl_scratch_t *scratch, uint32_t index,
                                            uint32_t e) {
    return sl_later_inputs(scratch, index)[e] & (SL_RISING | SL_FALLING);
}

static inline int64_t sl_later_times(int64_t value, sl_later_t x) {
    return (x & SL_OPEN) != 0 ? value : 0;
}

static inline int64_t sl_later_turned(int64_t gradient, sl_passing_t passing) {
    return (passing & SL_FALLING) != 0 ? -gradient : gradient;
}

static inline int32_t sl_later_passed(int32_t gradient, sl_passing_t passing) {
    (void)passing;
    return gradient;
}

/* The largest input of any row and draw. */
static inline uint32_t sl_later_largest(const sl_scratch_t *scratch, uint32_t index) {
    (void)scratch;
    (void)index;
    return SL_SIGN;
}

/* The largest of a row in any draw; x = 0: a bias. */
SL_FOLD int32_t sl_later_size(const sl_later_t *x) {
    int32_t any = x == 0;
    for (uint32_t s = 0; x != 0 && s < S; s++) {
        any |= x[s] & SL_OPEN;
    }
    return any ? SL_SIGN : 0;
}

/* The sum of a column's lanes in the draws in which the row is open; a bias is in all. */
SL_FOLD int32_t sl_open_lanes(const int16_t *lane, const sl_later_t *x) {
    int32_t sum = 0;
    for (uint32_t s = 0; s < S; s++) {
        sum += x == 0 || (x[s] & SL_OPEN) != 0 ? lane[s] : 0;
    }
    return sum;
}

/* Lanes times inputs, and times their squares. */
SL_FOLD int32_t sl_later_sum(const int16_t *lane, const sl_later_t *x) {
    return SL_SIGN * sl_open_lanes(lane, x);
}

SL_FOLD int32_t sl_later_square_sum(const int16_t *lane, const sl_later_t *x) {
    return SL_SIGN * SL_SIGN * sl_open_lanes(lane, x);
}
