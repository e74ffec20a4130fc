/* The floor of the root of a number between 2^30 and 2^32: on a chip without an instruction for it
 * a table, a step of Newton's and a correction, in a fifth of the instructions of one bit a turn.
 */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"

#if SL_ON_HOST || SL_SMALL || defined(__ARM_FP)

static inline uint32_t sl_root_normal(uint32_t x) {
    return sl_isqrt32(x);
}

#else

/* 2^23 / root of x, by the upper byte of x. */
static const uint8_t sl_root_table[192] = {
    255, 253, 251, 249, 247, 246, 244, 242, 241, 239, 237, 236, 234, 233, 231, 230, 228, 227,
    225, 224, 223, 221, 220, 219, 218, 216, 215, 214, 213, 212, 211, 210, 208, 207, 206, 205,
    204, 203, 202, 201, 200, 199, 198, 198, 197, 196, 195, 194, 193, 192, 191, 191, 190, 189,
    188, 187, 187, 186, 185, 184, 184, 183, 182, 181, 181, 180, 179, 179, 178, 177, 177, 176,
    175, 175, 174, 173, 173, 172, 172, 171, 170, 170, 169, 169, 168, 167, 167, 166, 166, 165,
    165, 164, 164, 163, 163, 162, 162, 161, 161, 160, 160, 159, 159, 158, 158, 157, 157, 156,
    156, 155, 155, 155, 154, 154, 153, 153, 152, 152, 152, 151, 151, 150, 150, 150, 149, 149,
    148, 148, 148, 147, 147, 146, 146, 146, 145, 145, 145, 144, 144, 144, 143, 143, 143, 142,
    142, 141, 141, 141, 140, 140, 140, 140, 139, 139, 139, 138, 138, 138, 137, 137, 137, 136,
    136, 136, 135, 135, 135, 135, 134, 134, 134, 133, 133, 133, 133, 132, 132, 132, 132, 131,
    131, 131, 130, 130, 130, 130, 129, 129, 129, 129, 128, 128,
};

static inline uint32_t sl_root_normal(uint32_t x) {
    const uint32_t short_x = x >> 16, y = sl_root_table[(x >> 24) - 64];
    const uint32_t better = (y * (((3u << 30) - short_x * (y * y)) >> 15)) >> 9; /* 2^30 / root */
    uint32_t root = (short_x * better) >> 14;
    const int32_t rest = (int32_t)(x - root * root); /* of a few roots */
    root += (uint32_t)((rest >> 6) * (int32_t)better >> 25);
    root += x - root * root > 2 * root; /* of all x it was the floor, or one less */
    return root;
}

#endif

/* The floor of any root. */
static inline uint32_t sl_root(uint32_t x) {
#if SL_ON_HOST || SL_SMALL || defined(__ARM_FP)
    return sl_isqrt32(x);
#else
    const int32_t up = (32 - sl_bit_length(x)) >> 1;
    return x == 0 ? 0 : sl_root_normal(x << 2 * up) >> up;
#endif
}
