/* The mantissa of sigma^2: its bits. */
#pragma once

enum {
    SL_RHO_BITS = 14,
    SL_RHO_MAX = (1 << SL_RHO_BITS) - 1,
};
