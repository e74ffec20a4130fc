/* sl_dot_pairs on a chip: four or five lanes at a time, whose sums stay in registers. */
#pragma once

#include "sl_lanes.h"
#include "sl_lanes16.h"
#include "sl_pairs.h"

#ifdef __thumb2__ /* registers enough */
enum { SL_DOT_LANES = L % 5 == 0 ? 5 : 4 };
#else
enum { SL_DOT_LANES = 4 };
#endif

/* So many sums, five at most. */
SL_FOLD void sl_dot_some(const sl_word_t *pairs, uint32_t stride, uint32_t lanes, sl_numbers_t of,
                         int32_t *sum) {
    int32_t sums[5] = {0, 0, 0, 0, 0};
    const int16_t *first = of.first;
    for (uint32_t p = of.n / 2; p != 0; p--) {
        const int32_t by = sl_two_of(first[0], first[of.gap]);
        SL_UNROLL_ALWAYS
        for (uint32_t k = 0; k < lanes; k++) {
            sums[k] = sl_dual(pairs[k], by, sums[k]);
        }
        first += of.step;
        pairs += stride;
    }
    SL_UNROLL_ALWAYS
    for (uint32_t k = 0; k < lanes; k++) {
        sum[k] = sums[k] + (of.n % 2 ? (int16_t)pairs[k] * first[0] : 0);
    }
}

SL_INLINE void sl_dot_pairs(const int16_t *pairs, uint32_t stride, uint32_t lanes, sl_numbers_t of,
                            int32_t *sum) {
    const sl_word_t *at = (const sl_word_t *)pairs;
    uint32_t l = 0;
    for (; l + SL_DOT_LANES <= lanes; l += SL_DOT_LANES) {
        sl_dot_some(at + l, stride, SL_DOT_LANES, of, sum + l);
    }
    for (; l + 2 <= lanes; l += 2) {
        sl_dot_some(at + l, stride, 2, of, sum + l);
    }
    for (; l < lanes; l++) {
        sl_dot_some(at + l, stride, 1, of, sum + l);
    }
}
