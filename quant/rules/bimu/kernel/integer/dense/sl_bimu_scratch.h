/* What BiMU's hidden units leave in the scratch: gates. */
#pragma once

#include <stdint.h>

#define SL_HIDDEN_SCRATCH                                                                          \
    int8_t gate[SL_N_UNITS * SL_N_LANES]; /* of hidden units: whether it is open, its slope */
