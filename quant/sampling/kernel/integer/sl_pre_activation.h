/* Limits of a pre-activation in integers. */
#pragma once

enum {
    SL_PRE_ACTIVATION_MAX = 1 << 30, /* Q15.16 */
    SL_SPREAD_MAX = (1 << 20) - 1,
};
