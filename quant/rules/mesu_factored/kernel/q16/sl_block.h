/* Block scaling: the inputs of a layer at a scale at which their sums fit. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_lanes.h"

/* Of one layer's input: shifts so that sums of magnitudes stay below 2^16 and sums of squares below
 * 2^20, the largest over the draws; k_square is even. */
typedef struct {
    int32_t k_mean, k_square;
} sl_block_t;

SL_INLINE sl_block_t sl_block_inputs(const int16_t *x, uint32_t rows, uint32_t lanes) {
    uint32_t sums[L] = {0}, squares[L] = {0}, most = 0;
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < lanes; s++) {
            sums[s] += sl_abs32(x[i * lanes + s]);
        }
    }
    for (uint32_t s = 0; s < lanes; s++) {
        most = sums[s] > most ? sums[s] : most;
    }
    sl_block_t block = {sl_max32(0, sl_bit_length(most) - 16), 0};
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < lanes; s++) {
            uint32_t size = sl_abs32(x[i * lanes + s]) >> block.k_mean;
            squares[s] += size * size;
        }
    }
    most = 0;
    for (uint32_t s = 0; s < lanes; s++) {
        most = squares[s] > most ? squares[s] : most;
    }
    block.k_square = 20 - sl_bit_length(most);
    block.k_square -= block.k_square & 1;
    return block;
}

SL_ONE_COPY static inline uint32_t sl_block_square(int32_t x, sl_block_t block) {
    uint32_t square = (uint32_t)(x * x);
    return block.k_square >= 0 ? square << block.k_square : square >> -block.k_square;
}
