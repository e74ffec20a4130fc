/* Gates of the metaplastic rule in float32: which blocks of hidden units are active for a sample;
 * the rule's gates.py. */
#include "sl_metaplastic.h"
#include "sl_metaplastic_strongest.h"
#include "sl_noise.h"

void sl_metaplastic_gate(uint32_t seed, sl_scratch_t *scratch) {
    const uint32_t key = sl_noise_key(seed, 0xFFFFFFFFu);
    for (uint32_t word = 0; word < SL_GATE_WORDS; word++) {
        float *score = scratch->score + 32 * word;
        for (uint32_t e = 0; e < 32; e++) {
            score[e] = 0;
        }
        for (uint32_t i = 0; i < SL_N_INPUTS; i++) {
            const float x = scratch->input[i];
            const uint32_t bits =
                x == 0 ? 0 : sl_noise_word(key, SL_STREAM_GATE, i * SL_GATE_WORDS + word);
            for (uint32_t e = 0; x != 0 && e < 32; e++) {
                score[e] += bits >> e & 1u ? x : 0.0f;
            }
        }
    }
    sl_metaplastic_activate(scratch);
}
