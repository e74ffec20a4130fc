/* The noise of the pre-activations: one number of a table for every unit and draw. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"
#include "sl_lanes.h"
#include "sl_noise.h"
#include "sl_types.h"

#if SL_SMALL

/* Of 256 numbers, Q7.8 or real, the lower half: the upper one has their magnitudes backwards. */
static const sl_value_t sl_epsilon_table[256 / 2] = SL_EPSILON_LOWER;

static sl_value_t sl_epsilon_of(uint32_t byte) {
    return byte < 128 ? sl_epsilon_table[byte] : (sl_value_t)-sl_epsilon_table[255u - byte];
}

#else

static const sl_value_t sl_epsilon_table[256] = SL_EPSILON_TABLE; /* Q7.8, or real */

static inline sl_value_t sl_epsilon_of(uint32_t byte) {
    return sl_epsilon_table[byte];
}

#endif

/* So many numbers, from word k on; four of a word after the other. */
SL_INLINE void sl_noise_some(uint32_t key, uint32_t layer, uint32_t k, uint32_t n,
                             sl_value_t *epsilon) {
    const sl_value_t *end = epsilon + n, *whole = epsilon + (n & ~3u);
    for (; epsilon != end; k++) {
        uint32_t word = sl_noise_word(key, SL_STREAM_EPSILON + layer, k);
        if (!SL_SMALL && epsilon != whole) {
            SL_UNROLL_ALWAYS
            for (uint32_t i = 0; i < 4; i++) {
                *epsilon++ = sl_epsilon_of(word >> 8 * i & 255u);
            }
            continue;
        }
        for (uint32_t i = 0; i < 4 && epsilon != end; i++, word >>= 8) {
            *epsilon++ = sl_epsilon_of(word & 255u);
        }
    }
}

#if SL_ON_HOST

/* First the words, in vectors, then their bytes, in the order of memory. */
static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t units, sl_value_t *epsilon) {
    SL_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte comes first");
    uint32_t words[(SL_MAX_UNITS * S + 3) / 4];
    for (uint32_t w = 0; w < (units * S + 3) / 4; w++) {
        words[w] = sl_noise_word(key, SL_STREAM_EPSILON + layer, w);
    }
    const uint8_t *bytes = (const uint8_t *)words;
    for (uint32_t j = 0; j < units; j++, bytes += S, epsilon += L) {
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < L; s++) {
            epsilon[s] = s < S ? sl_epsilon_of(bytes[s]) : 0;
        }
    }
}

#else

/* No lane without a draw. */
SL_FOLD void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t units, sl_value_t *epsilon) {
    sl_noise_some(key, layer, 0, units * S, epsilon);
}

#endif
