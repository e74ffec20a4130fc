/* What choosing among blocks of hidden units leaves in the scratch. */
#pragma once

#include <stdint.h>

#include "sl_config.h"

/* Scores of each block; active blocks, by their score; whether a block is active. */
#define SL_BLOCKS_SCRATCH(score_t)                                                                 \
    score_t score[(SL_N_BLOCKS + 31) & ~31u];                                                      \
    uint16_t strongest[SL_N_ACTIVE];                                                               \
    uint8_t active[SL_N_BLOCKS];
