/* What BiMU's hidden units in float32 leave in the scratch: gates. */
#pragma once

#define SL_HIDDEN_SCRATCH                                                                          \
    float gate[SL_N_UNITS * SL_N_LANES]; /* of hidden units: 1 if open, else 0 */
