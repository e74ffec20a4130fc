/* The sums of a layer, built for size: one form for every layer, with or without draws. */
#pragma once

#include "sl_average.h"
#include "sl_few_rows.h"
#include "sl_first.h"
#include "sl_lanes.h"
#include "sl_rule.h"
#include "sl_total.h"

/* A layer's inputs, [row][lane]: layer 0's, or those of hidden units; and one of its rows. */
typedef struct {
    const sl_input_t *input;
    const int16_t *hidden; /* NULL: layer 0's */
    uint32_t rows, lanes;
    int32_t k_mean, narrow; /* by how much they are shortened: for a mean, for a square */
    int32_t x[L];
    uint32_t square[L];
} sl_small_t;

/* An input's size in 8 bits. */
static int32_t sl_small_narrow(int32_t x, int32_t narrow) {
    return sl_min32(((int32_t)sl_abs32(x) + ((1 << narrow) >> 1)) >> narrow, SL_NARROW_MAX);
}

/* Sets a row, its squares of narrowed inputs. Returns whether there is any. */
static uint32_t sl_small_row(sl_small_t *in, uint32_t i) {
    uint32_t any = 0, s = 0;
    do {
        const int32_t x = in->hidden ? in->hidden[i * in->lanes + s] : in->input[i];
        const int32_t narrow = sl_small_narrow(x, in->narrow);
        in->x[s] = x;
        in->square[s] = (uint32_t)(narrow * narrow);
        any |= in->square[s];
    } while (++s != in->lanes);
    return any;
}

static void sl_small_look(sl_small_t *in) {
    uint32_t sums[L] = {0}, seen = 0, size = 0;
    for (uint32_t i = 0; i < in->rows; i++) {
        sl_small_row(in, i);
        for (uint32_t s = 0; s < in->lanes; s++) {
            const uint32_t x = sl_abs32(in->x[s]);
            seen |= x;
            sums[s] += x;
            size = sums[s] > size ? sums[s] : size;
        }
    }
    in->k_mean = sl_max32(0, sl_bit_length(size) - 16);
    in->narrow = sl_max32(0, sl_bit_length(seen) - 8);
}

/* Sets the reach of layer 0's inputs, too. */
static sl_squares_t sl_small_squares(sl_small_t *in, const int8_t *exponent,
                                     sl_scratch_t *scratch) {
    int32_t most = -128;
    for (uint32_t i = 0; i < in->rows; i++) {
        most = sl_small_row(in, i) ? sl_max32(most, exponent[i]) : most;
    }
    most = most == -128 ? 1 : most;
    sl_total_t sums[L] = {0}, total = 0;
    uint32_t each = 0, widest = 0; /* of as many bits as the largest */
    for (uint32_t i = 0; i < in->rows; i++) {
        sl_small_row(in, i);
        for (uint32_t s = 0; s < in->lanes; s++) {
            const uint32_t wide = sl_wide(in->square[s], most - exponent[i]);
            widest |= sl_wide(sl_abs32(in->x[s]), most - exponent[i]);
            each |= wide;
            sums[s] += wide;
            total = sums[s] > total ? sums[s] : total;
        }
    }
    if (in->hidden == NULL) {
        scratch->n_active = widest;
        scratch->reach = sl_bit_length(widest) + most - SL_SQUARE_MORE_BITS;
        scratch->reach_squared = sl_bit_length(each) + most - SL_SQUARE_MORE_BITS;
    }
    return (sl_squares_t){most, sl_squares_shift(each, total, most)};
}

/* A layer's inputs, and how they are shortened. */
SL_ONE_COPY SL_INLINE sl_small_t sl_small_in(uint32_t index, const int16_t *hidden, uint32_t lanes,
                                             const sl_scratch_t *scratch) {
    sl_small_t in = {.input = scratch->input,
                     .hidden = index == 0 ? NULL : hidden,
                     .rows = sl_layers[index].rows,
                     .lanes = lanes};
    sl_small_look(&in);
    return in;
}

/* Sets mean and power, [unit][lane]; hidden: [row][lane]. */
SL_INLINE sl_sums_t sl_small_sums(uint32_t index, const int16_t *hidden, uint32_t lanes,
                                  const sl_state_t *state, sl_scratch_t *scratch, int32_t *mean,
                                  int32_t *power) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const int16_t *mu = SL_MEANS(state, scratch) + layer->synapse;
    const int16_t *rho = state->rho + layer->synapse;
    const int8_t *exponent = state->rho_exponent + layer->first;
    sl_small_t in = sl_small_in(index, hidden, lanes, scratch);
    const sl_squares_t squares = sl_small_squares(&in, exponent, scratch);
    for (uint32_t e = 0; e < columns * lanes; e++) {
        mean[e] = 0;
        power[e] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        sl_small_row(&in, i);
        for (uint32_t s = 0; s < lanes; s++) {
            in.x[s] = sl_shift_truncate32(in.x[s], in.k_mean);
            in.square[s] = (uint32_t)sl_square_of(sl_wide(in.square[s], squares.most - exponent[i]),
                                                  squares.k);
        }
        sl_row_add(mean, mu, columns, in.x, lanes);
        sl_row_add(power, rho, columns, (const int32_t *)in.square, lanes);
    }
    return (sl_sums_t){in.k_mean, in.narrow, squares.most + squares.k - SL_SQUARE_MORE_BITS};
}

/* Of inputs that are others for learning than they were for the sums. */
SL_INLINE void sl_look_again(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    sl_small_t in =
        sl_small_in(index, scratch->hidden + layer->hidden * L, index == 0 ? 1 : L, scratch);
    sl_small_squares(&in, state->rho_exponent + layer->first, scratch);
    scratch->narrow[index] = in.narrow;
}
