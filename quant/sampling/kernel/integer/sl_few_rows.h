/* Adds a few rows of weights, each times its input, to the sums of the columns: as many rows at a
 * time as suit the processor. */
#pragma once

#include "sl_build.h"

#if SL_DSP

#include "sl_dsp_sums.h"

enum { SL_FEW_ROWS = 4 };
typedef sl_four_rows_t sl_few_rows_t;

/* Whether the instructions can add them; then they have. */
SL_FOLD uint32_t sl_rows_added(int32_t *sum, const sl_few_rows_t *rows, uint32_t columns) {
    if (((columns << 1 | (uint32_t)(uintptr_t)rows->row[0]) & 3u) == 0) { /* words are aligned */
        sl_four_rows_add(sum, rows, columns);
        return 1;
    }
    return 0;
}

#elif SL_THUMB1

#include "sl_thumb_sums.h"

enum { SL_FEW_ROWS = 2 };
typedef sl_two_rows_t sl_few_rows_t;

SL_FOLD uint32_t sl_rows_added(int32_t *sum, const sl_few_rows_t *rows, uint32_t columns) {
    sl_two_rows_add(sum, rows, columns);
    return 1;
}

#else

#include <stdint.h>

enum { SL_FEW_ROWS = 1 };
typedef struct {
    const int16_t *row[SL_FEW_ROWS];
    int32_t x[SL_FEW_ROWS];
} sl_few_rows_t;

SL_FOLD uint32_t sl_rows_added(int32_t *sum, const sl_few_rows_t *rows, uint32_t columns) {
    (void)sum;
    (void)rows;
    (void)columns;
    return 0;
}

#endif

SL_INLINE void sl_few_rows_plain(int32_t *restrict sum, const sl_few_rows_t *rows,
                                 uint32_t columns) {
    for (uint32_t k = 0; k < SL_FEW_ROWS; k++) {
        const int16_t *restrict row = rows->row[k];
        const int32_t x = rows->x[k];
        for (uint32_t j = 0; j < columns; j++) {
            sum[j] += x * row[j];
        }
    }
}

SL_FOLD void sl_few_rows_add(int32_t *sum, const sl_few_rows_t *rows, uint32_t columns) {
    if (!sl_rows_added(sum, rows, columns)) {
        sl_few_rows_plain(sum, rows, columns);
    }
}

#if SL_SMALL

/* sum += x row, of every unit and lane. */
static __attribute__((noinline)) void sl_row_add(int32_t *sum, const int16_t *row, uint32_t columns,
                                                 const int32_t *x, uint32_t lanes) {
    for (uint32_t s = 0; s < lanes; s++, sum++) {
        const int32_t by = x[s];
        int32_t *at = sum;
        const int16_t *from = row, *end = row + columns;
        if (by == 0) {
            continue;
        }
        do {
            *at += *from * by;
            at += lanes;
        } while (++from != end);
    }
}

#endif
