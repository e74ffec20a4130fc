/* How far the prior pulls a belief in one byte. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"

static const int32_t sl_pull_table[128] = SL_PULL_TABLE;

/* Towards 0, in LSBs, .16, of a magnitude. */
SL_FOLD uint32_t sl_belief_pull(uint32_t size) {
    return (uint32_t)sl_pull_table[size];
}
