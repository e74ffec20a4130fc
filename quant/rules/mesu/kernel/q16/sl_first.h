/* What the sums of a layer share: the scale of its inputs' squares. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"

enum {
    SL_SQUARE_BITS = 15,
    SL_POWER_BITS = 17,
    SL_SQUARE_MORE_BITS = 8,
    SL_NARROW_MAX = 255,     /* of a later layer's input */
    SL_SUMMED_SQUARES = 256, /* rows whose wide squares have a sum of 32 bits */
};

/* By how much a layer's inputs were shortened, and the exponent of its sums of squares. */
typedef struct {
    int32_t k_mean, narrow, scale;
} sl_sums_t;

/* A row's xn^2 2^exponent is its square times 2^scale. */
typedef struct {
    int32_t most, k; /* the largest exponent of an active row; k: to be shifted right */
} sl_squares_t;

/* below: of the row's exponent under the largest; negative where the row's input is 0, and then
 * any shift will do. */
SL_ONE_COPY static inline uint32_t sl_wide(uint32_t x, int32_t below) {
    if (SL_ON_HOST) {
        return x << SL_SQUARE_MORE_BITS >> ((uint32_t)below < 31 ? below : 31);
    }
    return x << SL_SQUARE_MORE_BITS >> sl_clamp32(below, 0, 31);
}

/* From the largest square and the largest sum of squares of a draw. */
static inline int32_t sl_squares_shift(uint32_t each, uint64_t total, int32_t most) {
    const int32_t k =
        sl_max32(sl_bit_length(each) - SL_SQUARE_BITS, sl_bit_length64(total) - SL_POWER_BITS);
    return k + ((k + most + 1) & 1);
}

static inline int32_t sl_square_of(uint32_t wide, int32_t k) {
    return (int32_t)(wide >> sl_max32(k, 0) << sl_max32(-k, 0));
}

static inline int32_t sl_square(int32_t x, int32_t exponent, sl_squares_t squares) {
    return sl_square_of(sl_wide((uint32_t)(x * x), squares.most - exponent), squares.k);
}
