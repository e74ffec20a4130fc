/* A pre-activation in integers: its limits, and how a sum becomes one. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"

enum {
    SL_PRE_ACTIVATION_MAX = 1 << 30, /* Q15.16 */
    SL_SPREAD_MAX = (1 << 20) - 1,
};

/* A sum shifted right, rounding half up, or left, and clamped. */
SL_ONE_COPY SL_FOLD int32_t sl_centre(int32_t sum, int32_t right, uint32_t *count) {
    int32_t centre, whole;
    if (right > 0) {
        whole = ((sum >> sl_min32(right - 1, 31)) + 1) >> 1;
        centre = sl_clamp32(whole, -SL_PRE_ACTIVATION_MAX, SL_PRE_ACTIVATION_MAX);
        *count += centre != whole;
        return centre;
    }
    const int32_t left = sl_min32(-right, 30), most = SL_PRE_ACTIVATION_MAX >> left;
    centre = sl_clamp32(sum, -most, most);
    *count += centre != sum;
    return (int32_t)((uint32_t)centre << left);
}
