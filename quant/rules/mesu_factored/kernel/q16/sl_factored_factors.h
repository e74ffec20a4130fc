/* Factored variance: the steps of the factors' codes, their prior's pull, the gauge. Golden model:
 * golden_factors.py of the rule. */
#pragma once

#include "sl_factor.h"
#include "sl_factored_backward.h"
#include "sl_front_end.h"

SL_ONE_COPY static inline uint32_t sl_store_factor(uint32_t code, int64_t step, uint32_t *count) {
    const int64_t wide = (int64_t)code + step;
    const int64_t kept = wide < 0 ? 0 : wide > UINT32_MAX ? UINT32_MAX : wide;
    *count += kept != wide;
    return (uint32_t)kept;
}

/* Add to a code what multiplies its value by 1 + step/mantissa, step = product / 2^right, by 1/2 to
 * 2 at most; the next octave's codes are half or twice as far. */
static inline uint32_t sl_step_factor(uint32_t code, int64_t product, int32_t right,
                                      uint32_t *steps, uint32_t *ends) {
    const int64_t step = sl_shift_round64(product, sl_max32(right, -16)), octave = SL_OCTAVE;
    const int64_t mantissa = sl_top_bits(code, SL_FACTOR_BITS + 1), low = -(mantissa >> 1);
    const int64_t kept = step < low ? low : step > mantissa ? mantissa : step;
    const int64_t made = mantissa + kept;
    const int64_t above = made >= 2 * octave ? octave - ((made + 1) >> 1) : 0;
    *steps += kept != step;
    return sl_store_factor(code, kept + (made < octave ? made - octave : above), ends);
}

static inline uint32_t sl_step_row(uint32_t row, int32_t y, int32_t right, uint32_t *steps,
                                   uint32_t *ends) {
    const uint32_t mantissa = sl_top_bits(row, 16);
    const int64_t product = -((int64_t)(int32_t)((mantissa * mantissa) >> 16) * y);
    return sl_step_factor(row, product, right - sl_factor_octave(row), steps, ends);
}

/* What code * mean(others) / sigma_prior^2 shares: a mantissa of 16 bits, and its shift. */
static uint32_t sl_prior_ratio(const uint32_t *others, uint32_t n, uint32_t mantissa,
                               int32_t *right) {
    const int32_t top = sl_top_octave(others, n);
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        total += sl_top_bits(others[i], 16) >> (top - sl_factor_octave(others[i]));
    }
    const int32_t up = 16 - sl_bit_length(total);
    *right += 42 + up - top;
    return ((up >= 0 ? total << up : total >> -up) * mantissa) >> 16;
}

/* code * mean(others) / sigma_prior^2, Q.16. */
static inline int32_t sl_ratio_of(uint32_t code, uint32_t ratio, int32_t right) {
    const uint32_t product = sl_top_bits(code, 16) * ratio;
    right -= sl_factor_octave(code);
    if (right < 0) {
        return SL_FACTOR_RATIO_MAX;
    }
    const uint32_t u = right > 31 ? 0 : product >> right;
    return u > SL_FACTOR_RATIO_MAX ? SL_FACTOR_RATIO_MAX : (int32_t)u;
}

static inline uint32_t sl_pull_code(uint32_t code, uint32_t pull, int64_t missing,
                                    uint32_t *saturations) {
    const int64_t product = (int64_t)sl_top_bits(code, 16) * pull * missing;
    return sl_step_factor(code, product, 32, &saturations[SL_SAT_GRADIENT],
                          &saturations[SL_SAT_RHO]);
}

/* SL_SWEEP samples of the prior's pull, Q.28, on all factors. */
static void sl_factored_pull_factors_q16(const sl_layer_t *layer, uint32_t *row, uint32_t *column,
                                         uint32_t pull, uint32_t *saturations) {
    int32_t right_row = layer->ratio_row[1] - layer->v_exponent;
    int32_t right_column = layer->ratio_column[1] - layer->v_exponent;
    const uint32_t by_column =
        sl_prior_ratio(column, layer->columns, (uint32_t)layer->ratio_row[0], &right_row);
    const uint32_t by_row =
        sl_prior_ratio(row, layer->rows, (uint32_t)layer->ratio_column[0], &right_column);
    for (uint32_t i = 0; i < layer->rows; i++) {
        row[i] = sl_pull_code(row[i], pull, 65536 - sl_ratio_of(row[i], by_column, right_row),
                              saturations);
    }
    uint64_t sum = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        sum += (uint64_t)sl_ratio_of(column[j], by_row, right_column);
    }
    const int64_t mean = sl_mean_of(sum, layer->columns);
    for (uint32_t j = 0; j < layer->columns; j++) {
        column[j] = sl_pull_code(column[j], pull,
                                 mean - sl_ratio_of(column[j], by_row, right_column), saturations);
    }
}

/* Move an octave between rows and columns where the columns' left the middle. */
static void sl_gauge(const sl_layer_t *layer, uint32_t *row, uint32_t *column, uint32_t *count) {
    uint32_t octaves = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        octaves += column[j] >> SL_FACTOR_BITS;
    }
    int64_t move = octaves >= SL_GAUGE_HIGH * layer->columns ? SL_OCTAVE
                   : octaves < SL_GAUGE_LOW * layer->columns ? -SL_OCTAVE
                                                             : 0;
    if (move == 0) {
        return;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        row[i] = sl_store_factor(row[i], move, count);
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        column[j] = sl_store_factor(column[j], -move, count);
    }
}

SL_INLINE void sl_update_factors(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                                 int32_t narrow, sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    uint32_t *restrict row = state->row + layer->first;
    uint32_t *restrict column = state->column + layer->unit;
    uint32_t steps = 0, ends = 0;
    for (uint32_t s = 0; s < L; s++) {
        found->by_row[s] = sl_shift_round32(found->by_row[s] * layer->gain_row[0], 15);
    }
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index] - narrow;
    const int32_t right =
        2 * frac_bits + found->row_exponent + layer->gain_row[1] - layer->v_exponent;
    if (index == 0) {
        const int32_t by_row = found->by_row[0];
        for (uint32_t i = 0; i < layer->rows; i++) {
            row[i] = sl_step_row(row[i], x[i] * x[i] * by_row, right, &steps, &ends);
        }
    } else {
        for (uint32_t i = 0; i < layer->rows; i++) {
            int32_t y = 0;
            for (uint32_t s = 0; s < L; s++) {
                const int32_t narrowed = sl_min32(sl_shift_round32(x[i * L + s], narrow), 255);
                y += narrowed * narrowed * found->by_row[s];
            }
            row[i] = sl_step_row(row[i], y, right, &steps, &ends);
        }
    }
    const int32_t right_column = found->column_exponent + layer->gain_column[1] - 27;
    /* One by one: clang 22 in vectors of 8 once gave wrong codes with 9 columns. It shows neither
     * in AVX2 nor in the vectors of AVX-512 lowered to AVX2; test_kernel_widths.py runs the case.
     */
    SL_SCALAR
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int64_t y = (scratch->by_column[j] * layer->gain_column[0] + (1 << 14)) >> 15;
        const int64_t product = -((int64_t)sl_top_bits(column[j], 16) * y);
        column[j] = sl_step_factor(column[j], product, right_column, &steps, &ends);
    }
    scratch->saturations[SL_SAT_GRADIENT] += steps;
    scratch->saturations[SL_SAT_RHO] += ends;
}
