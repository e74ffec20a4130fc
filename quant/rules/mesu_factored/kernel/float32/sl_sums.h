/* Long sums in float32, in an order that vectors keep. */
#pragma once

#include <stdint.h>

enum { SL_PARTS = 16 }; /* partial sums of a long sum, so that it may run in vectors */

static inline float sl_sum_parts(const float *part) {
    float sum = 0;
    for (uint32_t k = 0; k < SL_PARTS; k++) {
        sum += part[k];
    }
    return sum;
}

static float sl_sum(const float *x, uint32_t n) {
    float part[SL_PARTS] = {0};
    uint32_t i = 0;
    for (; i + SL_PARTS <= n; i += SL_PARTS) {
        for (uint32_t k = 0; k < SL_PARTS; k++) {
            part[k] += x[i + k];
        }
    }
    for (; i < n; i++) {
        part[0] += x[i];
    }
    return sl_sum_parts(part);
}
