/* Adds rows of weights, each times its inputs of four draws, to the sums of the columns,
 * [unit][lane]: a weight is read once for four products. */
#pragma once

#include "sl_build.h"
#include "sl_lane_row.h"
#include "sl_lanes.h"

#if SL_THUMB1

#include "sl_thumb_lanes.h"

#else

SL_INLINE void sl_four_lanes_add(const sl_lane_rows_t *rows, const int16_t *weights, int32_t *sum,
                                 uint32_t columns) {
    for (uint32_t j = 0; j < columns; j++, weights++, sum += L) {
        int32_t a = sum[0], b = sum[1], c = sum[2], d = sum[3];
        for (const sl_lane_row_t *row = rows->first; row != rows->end; row++) {
            const void *at = (const char *)weights + row->at;
            const int32_t weight = *(const int16_t *)at;
            a += row->x[0] * weight;
            b += row->x[1] * weight;
            c += row->x[2] * weight;
            d += row->x[3] * weight;
        }
        sum[0] = a;
        sum[1] = b;
        sum[2] = c;
        sum[3] = d;
    }
}

#endif

/* Whether a chip sums rows so. */
enum { SL_BY_LANES = L % 4 == 0 && !SL_ON_HOST && !SL_DSP && !SL_SMALL };

/* The same of n rows. */
SL_FOLD void sl_lane_rows_add(const sl_lane_row_t *row, uint32_t n, const int16_t *weights,
                              int32_t *sum, uint32_t columns) {
    const sl_lane_rows_t rows = {row, row + n, n & 1, 4 * (L - 4)};
    sl_four_lanes_add(&rows, weights, sum, columns);
}
