/* Gates of the metaplastic rule: which blocks of hidden units are active for a sample. Golden
 * model: the rule's gates.py; the rule's NUMBERS.md. */
#include "sl_metaplastic.h"
#include "sl_metaplastic_strongest.h"
#include "sl_noise.h"

enum { SL_LANES = 8 };

#define SL_BITS 0x01010101u

/* score[e] += factor * size of the rows whose bit e is set; four blocks to a word, in byte lanes,
 * as long as no lane can pass 255. */
static void sl_count(uint32_t key, uint32_t word, const uint16_t *row, const uint8_t *size,
                     uint32_t n, int32_t factor, int32_t *score) {
    uint32_t k = 0;
    while (k < n) {
        uint32_t lanes[SL_LANES] = {0}, total = 0;
        for (; k < n && total + size[k] <= SL_LANE_MAX; k++) {
            const uint32_t bits = sl_noise_word(key, SL_STREAM_GATE, row[k] * SL_GATE_WORDS + word);
            const uint32_t x = size[k];
            total += x;
#pragma GCC unroll 8
            for (uint32_t lane = 0; lane < SL_LANES; lane++) {
                lanes[lane] += (bits >> lane & SL_BITS) * x;
            }
        }
        for (uint32_t lane = 0; lane < SL_LANES; lane++) {
            for (uint32_t e = 0; e < 4; e++) {
                score[lane + 8 * e] += factor * (int32_t)(lanes[lane] >> 8 * e & 255u);
            }
        }
    }
}

void sl_metaplastic_gate(uint32_t seed, sl_rows_t rows, sl_scratch_t *scratch) {
    const uint32_t key = sl_noise_key(seed, 0xFFFFFFFFu), back = SL_MAX_ROWS - rows.negative;
    const uint32_t positive = rows.positive - SL_BIAS; /* its row is the last, and has no gates */
    for (uint32_t word = 0; word < SL_GATE_WORDS; word++) {
        int32_t *score = scratch->score + 32 * word;
        for (uint32_t e = 0; e < 32; e++) {
            score[e] = 0;
        }
        sl_count(key, word, scratch->row, scratch->row_size, positive, 1, score);
        sl_count(key, word, scratch->row + back, scratch->row_size + back, rows.negative, -1,
                 score);
    }
    sl_metaplastic_activate(scratch);
}
