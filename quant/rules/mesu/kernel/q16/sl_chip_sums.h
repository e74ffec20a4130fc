/* The sums of a layer on a chip: in fewer passes over the inputs. */
#pragma once

#include "sl_charge.h"
#include "sl_chip_traces.h"
#include "sl_columns.h"
#include "sl_first.h"
#include "sl_pairs.h"
#include "sl_rule.h"
#include "sl_total.h"

/* What is added up over the active rows. */
typedef struct {
    int32_t most, least; /* exponents */
    uint32_t size, largest, squares, n;
} sl_first_look_t;

SL_INLINE sl_first_look_t sl_chip_look(const sl_input_t *x, const int8_t *exponents,
                                       uint32_t *mask) {
    sl_first_look_t look = {.most = -128, .least = 127};
    const uint32_t rows = SL_N_INPUTS + SL_BIAS;
    for (uint32_t w = 0; w < SL_ACTIVE_WORDS; w++) {
        const uint32_t first = 32 * w, left = rows - first, n = left < 32 ? left : 32;
        uint32_t bits = 0, bit = 1;
        for (const sl_input_t *at = x + first, *end = at + n; at != end; at++, bit <<= 1) {
            if (*at == 0) {
                continue;
            }
            const uint32_t size = sl_abs32(*at);
            const int32_t exponent = exponents[at - x];
            bits |= bit;
            look.most = sl_max32(look.most, exponent);
            look.least = sl_min32(look.least, exponent);
            look.largest = size > look.largest ? size : look.largest;
            look.size += size;
            look.squares += size * size;
            look.n++;
        }
        mask[w] = bits;
    }
    return look;
}

/* As the host's. Where all rows have one exponent, one pass says how large their squares are. */
SL_INLINE sl_first_rows_t sl_first_look(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    const int8_t *exponents = state->rho_exponent + layer->first;
    const sl_first_look_t look = sl_chip_look(scratch->input, exponents, scratch->active_mask);
    sl_first_rows_t first = {
        .mu = SL_MEANS(state, scratch) + layer->synapse,
        .rho = state->rho + layer->synapse,
        .x = scratch->input,
        .exponent = exponents,
        .mask = scratch->active_mask,
        .n = look.n,
    };
    const uint32_t largest = look.largest, sum = look.squares, size = look.size;
    int32_t most = look.most;
    scratch->n_active = look.n;
    uint32_t each = sl_wide(largest * largest, 0), widest = sl_wide(largest, 0);
    uint64_t total = (uint64_t)sum << SL_SQUARE_MORE_BITS;
    if (first.n == 0) {
        most = 1;
    } else if (look.least != most) {
        each = widest = 0;
        total = 0;
        sl_walk_t walk = sl_walk(first.mask);
        for (uint32_t n = first.n; n != 0; n--) {
            const uint32_t i = sl_walk_on(&walk), x = sl_abs32(first.x[i]);
            const int32_t below = most - first.exponent[i];
            const uint32_t wide = sl_wide(x * x, below), narrow = sl_wide(x, below);
            each = wide > each ? wide : each;
            widest = narrow > widest ? narrow : widest;
            total += wide;
        }
    }
    scratch->reach = sl_bit_length(widest) + most - SL_SQUARE_MORE_BITS;
    scratch->reach_squared = sl_bit_length(each) + most - SL_SQUARE_MORE_BITS;
    first.k_mean = sl_max32(0, sl_bit_length(size) - 16);
    first.squares = (sl_squares_t){most, sl_squares_shift(each, total, most)};
    return first;
}

SL_INLINE sl_sums_t sl_first_sums(const sl_state_t *state, sl_scratch_t *scratch, int32_t *mean,
                                  uint32_t *power) {
    const sl_first_rows_t first = sl_first_look(state, scratch);
    sl_columns_sum(&first, mean, power);
    return (sl_sums_t){first.k_mean, 0, first.squares.most + first.squares.k - SL_SQUARE_MORE_BITS};
}

/* An input in 8 bits. */
static inline int32_t sl_chip_narrow(int32_t h, int32_t narrow) {
    return sl_min32((h + ((1 << narrow) >> 1)) >> narrow, SL_NARROW_MAX);
}

/* By how much the sums of inputs are shortened; sets the OR of all inputs. */
SL_INLINE int32_t sl_chip_blocked(const int16_t *x, uint32_t rows, uint32_t *seen) {
    uint32_t most = 0, all = 0;
    for (uint32_t s = 0; s < S; s++) {
        uint32_t sum = 0;
        const int16_t *at = x + s;
        SL_UNROLL_FOUR
        for (uint32_t i = rows; i != 0; i--, at += L) {
            sum += (uint32_t)*at; /* never negative */
            all |= (uint32_t)*at;
        }
        most = sum > most ? sum : most;
    }
    *seen = all;
    return sl_max32(0, sl_bit_length(most) - 16);
}

#if SL_DSP
/* Both inputs of a word in 8 bits; keep: the bits of a half that its shift leaves. */
static inline uint32_t sl_chip_narrow_two(uint32_t two, uint32_t halves, int32_t narrow,
                                          uint32_t keep) {
    uint32_t sum, out;
    __asm("uadd16 %0, %1, %2" : "=r"(sum) : "r"(two), "r"(halves));
    __asm("usat16 %0, #8, %1" : "=r"(out) : "r"(sum >> narrow & keep));
    return out;
}
#endif

/* How a layer's inputs are shortened. */
typedef struct {
    int32_t k_mean, narrow;
} sl_chip_short_t;

/* A row's inputs and their squares in 8 bits, every second number of memory. Returns their OR. */
SL_FOLD uint32_t sl_chip_shorten(const int16_t *x, sl_chip_short_t by, int16_t *inputs,
                                 int16_t *squared) {
    uint32_t any = 0;
#if SL_DSP
    const uint32_t halves = 0x10001u * ((1u << by.narrow) >> 1);
    const uint32_t keep = 0x10001u * (0xFFFFu >> by.narrow),
                   keep_mean = 0x10001u * (0xFFFFu >> by.k_mean);
    for (uint32_t s = 0; L % 2 == 0 && s < L; s += 2, x += 2, inputs += 4, squared += 4) {
        const uint32_t two = (uint32_t)*(const sl_loose_word_t *)x;
        const uint32_t shortened = two >> by.k_mean & keep_mean;
        const uint32_t h = sl_chip_narrow_two(two, halves, by.narrow, keep);
        inputs[0] = (int16_t)shortened;
        inputs[2] = (int16_t)(shortened >> 16);
        squared[0] = (int16_t)((int16_t)h * (int16_t)h);
        squared[2] = (int16_t)((int16_t)(h >> 16) * (int16_t)(h >> 16));
        any |= h;
    }
    if (L % 2 == 0) {
        return any;
    }
#endif
    for (uint32_t s = 0; s < L; s++) {
        const int32_t h = x[s], short_h = sl_chip_narrow(h, by.narrow);
        inputs[2 * s] = (int16_t)(h >> by.k_mean);
        squared[2 * s] = (int16_t)(short_h * short_h);
        any |= (uint32_t)short_h;
    }
    return any;
}

/* Where a row lies in `pairs`. */
static inline uint32_t sl_chip_place(uint32_t i) {
    return 2 * (i / 2 * L) + i % 2;
}

SL_INLINE sl_squares_t sl_chip_squares(int16_t *pairs, const int8_t *exponent, uint32_t rows,
                                       int32_t most) {
    sl_total_t totals[L] = {0}, total = 0;
    uint32_t each = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const uint16_t *at = (const uint16_t *)pairs + sl_chip_place(i);
        const uint32_t below = (uint32_t)sl_clamp32(most - exponent[i], 0, 31);
        SL_UNROLL_ALWAYS
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t wide = ((uint32_t)at[2 * s] << SL_SQUARE_MORE_BITS) >> below;
            each |= wide; /* has as many bits as the largest */
            totals[s] += wide;
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        total = totals[s] > total ? totals[s] : total;
    }
    const sl_squares_t squares = {most, sl_squares_shift(each, total, most)};
    for (uint32_t i = 0; i < rows; i++) {
        uint16_t *at = (uint16_t *)pairs + sl_chip_place(i);
        const int32_t below = sl_clamp32(most - exponent[i], 0, 31);
        if (squares.k >= 0) {
            const uint32_t right = (uint32_t)sl_min32(below + squares.k, 31);
            SL_UNROLL_ALWAYS
            for (uint32_t s = 0; s < L; s++) {
                at[2 * s] = (uint16_t)((uint32_t)at[2 * s] << SL_SQUARE_MORE_BITS >> right);
            }
            continue;
        }
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t wide = ((uint32_t)at[2 * s] << SL_SQUARE_MORE_BITS) >> below;
            at[2 * s] = (uint16_t)(wide << -squares.k);
        }
    }
    return squares;
}

/* As the host's. */
SL_INLINE sl_sums_t sl_later_sums(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  int32_t *restrict mean, uint32_t *restrict power) {
    if (SL_SPIKES) {
        return sl_trace_sums(index, state, scratch, mean, power);
    }
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t rows = layer->rows, columns = layer->columns;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const int8_t *exponent = state->rho_exponent + layer->first;
    int16_t *inputs = scratch->pairs_a, *squared = scratch->pairs_b;
    uint32_t seen = 0;
    const int32_t k_mean = sl_chip_blocked(x, rows, &seen);
    const int32_t narrow = sl_max32(0, sl_bit_length(seen) - 8);
    int32_t most = -128;
    for (uint32_t i = 0; i < rows; i++, x += L) {
        const uint32_t at = sl_chip_place(i);
        const uint32_t any =
            sl_chip_shorten(x, (sl_chip_short_t){k_mean, narrow}, inputs + at, squared + at);
        most = any == 0 ? most : sl_max32(most, exponent[i]);
    }
    for (uint32_t s = 0; rows % 2 && s < L; s++) {
        inputs[sl_chip_place(rows) + 2 * s] = 0;
        squared[sl_chip_place(rows) + 2 * s] = 0;
    }
    const sl_squares_t squares = sl_chip_squares(squared, exponent, rows, most == -128 ? 1 : most);
    const int16_t *mu = SL_MEANS(state, scratch) + layer->synapse;
    const int16_t *rho = state->rho + layer->synapse;
    uint32_t j = 0;
#if SL_DSP
    for (; j + 2 <= columns; j += 2) {
        sl_dot_columns(inputs, mu + j, columns, rows, mean + j * L);
        sl_dot_columns(squared, rho + j, columns, rows, (int32_t *)power + j * L);
    }
#endif
    for (; j < columns; j++) {
        sl_dot_pairs(inputs, L, L, (sl_numbers_t){mu + j, 2 * columns, columns, rows},
                     mean + j * L);
        sl_dot_pairs(squared, L, L, (sl_numbers_t){rho + j, 2 * columns, columns, rows},
                     (int32_t *)power + j * L);
    }
    return (sl_sums_t){k_mean, narrow, squares.most + squares.k - SL_SQUARE_MORE_BITS};
}

/* Of inputs that are others for learning than they were for the sums. */
SL_INLINE void sl_look_again(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    uint32_t seen = 0;
    if (index == 0) {
        sl_first_look(state, scratch);
        return;
    }
    const int16_t *x = scratch->hidden + layer->hidden * L;
    for (uint32_t e = 0; e < layer->rows * L; e++) {
        seen |= (uint32_t)x[e];
    }
    scratch->narrow[index] = sl_max32(0, sl_bit_length(seen) - 8);
}
