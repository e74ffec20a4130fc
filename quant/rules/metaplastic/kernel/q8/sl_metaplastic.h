/* What the parts of the metaplastic rule in integers share; the rule's NUMBERS.md. */
#pragma once

#include "sl_integer.h"
#include "sl_metaplastic_later.h"
#include "sl_rule.h"

enum { SL_LANE_MAX = 255 }; /* of a byte lane */

/* The rows of a layer that are in use, in scratch.row: `positive` ones from the front, `negative`
 * ones from the back; `total` is the sum of all x. */
typedef struct {
    uint32_t positive, negative;
    int32_t total;
} sl_rows_t;

/* From the rows in use of the first layer: scratch.active. */
void sl_metaplastic_gate(uint32_t seed, sl_rows_t rows, sl_scratch_t *scratch);

/* +1 from 0 on, -1 below, times x. */
static inline int32_t sl_signed(int32_t x, int8_t w) {
    return w < 0 ? -x : x;
}

/* The input of a row: Q3.4 in the first layer. */
static inline int32_t sl_row_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    if (index == 0) {
        return scratch->input[i];
    }
    return sl_later_input(scratch, index, i);
}

/* sums[j] = sum of x b(w) over the rows in use, for all bytes of a row, padding included. */
void sl_metaplastic_sum(const int8_t *weights, uint32_t width, sl_rows_t rows,
                        sl_scratch_t *scratch, int32_t *sums);

/* The same for the n words of four columns that scratch.column names. */
void sl_metaplastic_sum_words(const int8_t *weights, uint32_t width, uint32_t n, sl_rows_t rows,
                              sl_scratch_t *scratch, int32_t *sums);
