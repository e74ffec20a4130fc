/* Rows of weights with a factor for each of four draws. */
#pragma once

#include <stdint.h>

typedef struct {
    int32_t x[4];
    uint32_t at; /* where the row begins, in bytes */
} sl_lane_row_t;

typedef struct {
    const sl_lane_row_t *first, *end; /* one at least */
    uint32_t odd;                     /* whether their number is */
    uint32_t apart; /* bytes from behind a column's four sums to those of the next */
} sl_lane_rows_t;
