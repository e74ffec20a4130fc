/* Draws side by side in memory. The host rounds up to whole vectors; the lanes beyond the draws
 * carry no gradient. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"

#define SL_PADDED(n) (SL_ON_HOST ? ((n) + 7) / 8 * 8 : (n))
#define SL_N_LANES   SL_PADDED(SL_N_DRAWS)

/* Arrays are [unit][lane]; the lanes without a draw hold 0. */
enum { S = SL_N_DRAWS, L = SL_N_LANES };
