/* Sums of +-x: half of what a sample costs. With m the sign bit of a weight,
 *
 *     sum x b(w) = sum x - 2 sum over x > 0 of x m + 2 sum over x < 0 of |x| m,
 *
 * and m times |x| is added for several columns at once, in byte lanes, as long as no lane can
 * pass 255. */
#include "sl_metaplastic_q8.h"

enum { SL_LANE_MAX = 255 };

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

#define SL_SIGNS 0x01010101u
#define SL_WORDS 4 /* of weights that one pass over the rows takes */

typedef uint32_t __attribute__((may_alias)) sl_word_t;

static inline void sl_flush(uint32_t lanes, int32_t factor, int32_t *sums) {
    sums[0] += factor * (int32_t)(lanes & 255u);
    sums[1] += factor * (int32_t)(lanes >> 8 & 255u);
    sums[2] += factor * (int32_t)(lanes >> 16 & 255u);
    sums[3] += factor * (int32_t)(lanes >> 24);
}

/* Four columns to a word, some words in registers at a time, over all rows. */
static void sl_add(const int8_t *weights, uint32_t width, const uint16_t *row, const uint8_t *size,
                   uint32_t n, int32_t factor, int32_t *sums) {
    for (uint32_t first = 0; first < n;) {
        const uint32_t end = first + sl_group(size + first, n - first);
        uint32_t c = 0;
        for (; c + 4 * SL_WORDS <= width; c += 4 * SL_WORDS) {
            uint32_t a = 0, b = 0, d = 0, e = 0;
            for (uint32_t k = first; k < end; k++) {
                const sl_word_t *w =
                    (const sl_word_t *)(const void *)(weights + c + row[k] * width);
                const uint32_t x = size[k];
                a += (w[0] >> 7 & SL_SIGNS) * x;
                b += (w[1] >> 7 & SL_SIGNS) * x;
                d += (w[2] >> 7 & SL_SIGNS) * x;
                e += (w[3] >> 7 & SL_SIGNS) * x;
            }
            sl_flush(a, factor, sums + c);
            sl_flush(b, factor, sums + c + 4);
            sl_flush(d, factor, sums + c + 8);
            sl_flush(e, factor, sums + c + 12);
        }
        for (; c < width; c += 4) {
            uint32_t a = 0;
            for (uint32_t k = first; k < end; k++) {
                const sl_word_t *w =
                    (const sl_word_t *)(const void *)(weights + c + row[k] * width);
                a += (w[0] >> 7 & SL_SIGNS) * size[k];
            }
            sl_flush(a, factor, sums + c);
        }
        first = end;
    }
}

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
