/* What hidden units of the metaplastic rule in float32 leave in the scratch. */
#pragma once

#define SL_HIDDEN_SCRATCH                                                                          \
    float hidden[SL_N_HIDDEN_ROWS]; /* inputs of later layers: signs, 0 of an inactive block */    \
    float gate[SL_N_HIDDEN_ROWS];   /* 1 of the units that learn, else 0 */
