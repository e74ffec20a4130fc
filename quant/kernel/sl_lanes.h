/* Draws side by side in memory. The host rounds up to whole vectors; the lanes beyond the draws
 * carry no gradient. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"

#define SL_N_LANES (SL_ON_HOST ? (SL_N_DRAWS + 7) / 8 * 8 : SL_N_DRAWS)

/* Arrays are [unit][lane]; the lanes without a draw hold 0. */
enum { S = SL_N_DRAWS, L = SL_N_LANES };
