/* What the memory keeps in the scratch: one sample's columns and log-probabilities. */
#pragma once

#include <stdint.h>

#include "sl_config.h"

enum {
    SL_MEMORY_COLUMNS = SL_MEMORY_INPUTS + SL_MEMORY_RANDOM,
    SL_MEMORY_NET = 0, /* rows of log: network, memory, and their product */
    SL_MEMORY_OWN,
    SL_MEMORY_POOLED
};

typedef struct {
    float column[SL_MEMORY_COLUMNS];
    float dithered[SL_MEMORY_COLUMNS]; /* deviation from the class's mean, and dither */
    float gain[SL_MEMORY_COLUMNS];     /* inverse times that */
    float log[3][SL_N_CLASSES];
    uint32_t trusted;         /* whether the pool answers, or the network */
    int16_t z[SL_N_FEATURES]; /* Q7.8 */
} sl_memory_scratch_t;

#define SL_MEMORY_SCRATCH sl_memory_scratch_t memory;
