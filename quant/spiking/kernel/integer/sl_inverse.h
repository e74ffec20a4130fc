/* 2^30 / s, rounded down: without an instruction that divides, three of Newton's steps and a
 * correction, in a sixth of a division's instructions. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_integer.h"

enum { SL_INVERSE_LEAST = 512 }; /* the inverse of less has more bits than the steps give */

/* s: at most 2^20 - 1; 0 of 0. */
static inline int32_t sl_inverse(int32_t s) {
    if (SL_THUMB1 && s >= SL_INVERSE_LEAST) {
        const int32_t bits = sl_bit_length((uint32_t)s), up = 16 - bits;
        const uint32_t d = up >= 0 ? (uint32_t)s << up : (uint32_t)s >> -up;
        uint32_t y = 95493 - d; /* 2^31 / d, by a straight line */
        for (uint32_t n = 0; n < 3; n++) {
            const int32_t rest = (int32_t)((1u << 31) - d * y) >> 16;
            y += (uint32_t)((rest * (int32_t)y) >> 15);
        }
        int32_t q = (int32_t)(up >= 1 ? y << (up - 1) : y >> (1 - up));
        q += (((1 << 30) - q * s) >> 6) * (int32_t)y >> (bits + 9);
        while (q * s > 1 << 30) {
            q--;
        }
        while ((1 << 30) - q * s >= s) {
            q++;
        }
        return q;
    }
    return s == 0 ? 0 : (1 << 30) / s;
}
