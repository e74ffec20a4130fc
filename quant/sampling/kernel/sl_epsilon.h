/* The noise of the pre-activations: one number of a table for every unit and draw. */
#pragma once

#include "sl_config.h"
#include "sl_lanes.h"
#include "sl_noise.h"
#include "sl_types.h"

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE; /* Q7.8 */

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t units, sl_value_t *epsilon) {
    uint32_t word = 0;
    if (!SL_ON_HOST) { /* no lane without a draw: one number after the other */
        for (uint32_t e = 0; e < units * S; e++) {
            word = e % 4 == 0 ? sl_noise_word(key, SL_STREAM_EPSILON + layer, e / 4) : word >> 8;
            *epsilon++ = sl_value_of_q8(sl_epsilon_table[word & 255u]);
        }
        return;
    }
    for (uint32_t e = 0; e < units * S; e += S, epsilon += L) {
        for (uint32_t s = 0; s < S; s++) {
            word = (e + s) % 4 == 0 ? sl_noise_word(key, SL_STREAM_EPSILON + layer, (e + s) / 4)
                                    : word >> 8;
            epsilon[s] = sl_value_of_q8(sl_epsilon_table[word & 255u]);
        }
        for (uint32_t s = S; s < L; s++) {
            epsilon[s] = 0;
        }
    }
}
