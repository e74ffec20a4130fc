/* Sums of +-x: half of what a sample costs. With m the sign bit of a weight,
 *
 *     sum x b(w) = sum x - 2 sum over x > 0 of x m + 2 sum over x < 0 of |x| m,
 *
 * and m times |x| is added for several columns at once, in byte lanes, as long as no lane can
 * pass 255. */
#include "sl_metaplastic.h"

/* How many rows, from the first on, fit into byte lanes. */
static inline uint32_t sl_group(const uint8_t *size, uint32_t n) {
    uint32_t k = 0, total = 0;
    while (k < n && total + size[k] <= SL_LANE_MAX) {
        total += size[k++];
    }
    return k;
}

#ifdef SL_HOST

/* Rows of a group side by side, all columns of a row in vector registers. */
static void sl_add(const int8_t *weights, uint32_t width, const uint16_t *row, const uint8_t *size,
                   uint32_t n, int32_t factor, int32_t *sums) {
    uint8_t lanes[SL_MAX_WIDTH];
    while (n > 0) {
        const uint32_t group = sl_group(size, n);
        for (uint32_t c = 0; c < width; c++) {
            lanes[c] = 0;
        }
        for (uint32_t k = 0; k < group; k++) {
            const int8_t *w = weights + row[k] * width;
            const uint8_t x = size[k];
            SL_VECTOR
            for (uint32_t c = 0; c < width; c++) {
                lanes[c] = (uint8_t)(lanes[c] + (w[c] < 0 ? x : 0));
            }
        }
        for (uint32_t c = 0; c < width; c++) {
            sums[c] += factor * lanes[c];
        }
        row += group;
        size += group;
        n -= group;
    }
}

#else

#define SL_SIGNS      0x01010101u
#define SL_PASS_WORDS 4 /* of weights that one pass over the rows takes */

typedef uint32_t __attribute__((may_alias)) sl_word_t;

static inline void sl_flush(uint32_t lanes, int32_t factor, int32_t *sums) {
    sums[0] += factor * (int32_t)(lanes & 255u);
    sums[1] += factor * (int32_t)(lanes >> 8 & 255u);
    sums[2] += factor * (int32_t)(lanes >> 16 & 255u);
    sums[3] += factor * (int32_t)(lanes >> 24);
}

/* Some words of columns, in registers, over the rows of a group. */
static inline __attribute__((always_inline)) void
sl_pass(const uint32_t words, const int8_t *weights, uint32_t width, const uint16_t *row,
        const uint8_t *size, uint32_t n, int32_t factor, int32_t *sums) {
    uint32_t lanes[SL_PASS_WORDS] = {0};
    for (uint32_t k = 0; k < n; k++) {
        const sl_word_t *w = (const sl_word_t *)(const void *)(weights + row[k] * width);
        const uint32_t x = size[k];
#pragma GCC unroll 4
        for (uint32_t e = 0; e < words; e++) {
            lanes[e] += (w[e] >> 7 & SL_SIGNS) * x;
        }
    }
#pragma GCC unroll 4
    for (uint32_t e = 0; e < words; e++) {
        sl_flush(lanes[e], factor, sums + 4 * e);
    }
}

/* Four columns to a word, some words at a time, group after group of rows. */
static void sl_add(const int8_t *weights, uint32_t width, const uint16_t *row, const uint8_t *size,
                   uint32_t n, int32_t factor, int32_t *sums) {
    while (n > 0) {
        const uint32_t group = sl_group(size, n);
        uint32_t c = 0;
        for (; c + 4 * SL_PASS_WORDS <= width; c += 4 * SL_PASS_WORDS) {
            sl_pass(SL_PASS_WORDS, weights + c, width, row, size, group, factor, sums + c);
        }
        switch ((width - c) >> 2) {
        case 3:
            sl_pass(3, weights + c, width, row, size, group, factor, sums + c);
            break;
        case 2:
            sl_pass(2, weights + c, width, row, size, group, factor, sums + c);
            break;
        case 1:
            sl_pass(1, weights + c, width, row, size, group, factor, sums + c);
            break;
        default:
            break;
        }
        row += group;
        size += group;
        n -= group;
    }
}

#if SL_N_BLOCKS
/* The same for words of columns that are not neighbours. */
static void sl_add_words(const int8_t *weights, uint32_t width, const uint16_t *word,
                         uint32_t n_words, const uint16_t *row, const uint8_t *size, uint32_t n,
                         int32_t factor, int32_t *sums) {
    while (n > 0) {
        const uint32_t group = sl_group(size, n);
        for (uint32_t first = 0; first < n_words; first += SL_PASS_WORDS) {
            const sl_word_t *column[SL_PASS_WORDS];
            uint32_t lanes[SL_PASS_WORDS] = {0};
#pragma GCC unroll 4
            for (uint32_t e = 0; e < SL_PASS_WORDS; e++) { /* beyond the last: that again */
                const uint32_t at = first + e < n_words ? first + e : n_words - 1;
                column[e] = (const sl_word_t *)(const void *)(weights + 4 * word[at]);
            }
            for (uint32_t k = 0; k < group; k++) {
                const uint32_t at = row[k] * (width / 4), x = size[k];
#pragma GCC unroll 4
                for (uint32_t e = 0; e < SL_PASS_WORDS; e++) {
                    lanes[e] += (column[e][at] >> 7 & SL_SIGNS) * x;
                }
            }
            for (uint32_t e = 0; e < SL_PASS_WORDS && first + e < n_words; e++) {
                sl_flush(lanes[e], factor, sums + 4 * word[first + e]);
            }
        }
        row += group;
        size += group;
        n -= group;
    }
}

void sl_metaplastic_sum_words(const int8_t *weights, uint32_t width, uint32_t n, sl_rows_t rows,
                              sl_scratch_t *scratch, int32_t *sums) {
    const uint16_t *row = scratch->row, *word = scratch->column;
    const uint8_t *size = scratch->row_size;
    const uint32_t back = SL_MAX_ROWS - rows.negative;
    for (uint32_t e = 0; e < n; e++) {
        for (uint32_t c = 4 * word[e]; c < 4u * word[e] + 4; c++) {
            sums[c] = rows.total;
        }
    }
    sl_add_words(weights, width, word, n, row, size, rows.positive, -2, sums);
    sl_add_words(weights, width, word, n, row + back, size + back, rows.negative, 2, sums);
}
#endif

#endif

void sl_metaplastic_sum(const int8_t *weights, uint32_t width, sl_rows_t rows,
                        sl_scratch_t *scratch, int32_t *sums) {
    for (uint32_t c = 0; c < width; c++) {
        sums[c] = rows.total;
    }
    const uint32_t back = SL_MAX_ROWS - rows.negative;
    sl_add(weights, width, scratch->row, scratch->row_size, rows.positive, -2, sums);
    sl_add(weights, width, scratch->row + back, scratch->row_size + back, rows.negative, 2, sums);
}
