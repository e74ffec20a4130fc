/* What a desk keeps of layer 0 of BiMU: its beliefs, what they stand for, and whether it is there.
 */
#pragma once

#include <stdint.h>

#include "sl_belief.h"
#include "sl_build.h"
#include "sl_config.h"

#if SL_ON_HOST
enum {
    SL_KEPT_ROWS = SL_N_INPUTS + 1,
    SL_KEPT = SL_KEPT_ROWS * ((SL_MAX_UNITS + 3) / 4 * 4) + 16, /* vectors end behind the last */
};
#define SL_FIRST_SCRATCH                                                                           \
    uint8_t is_kept[SL_KEPT_ROWS];                                                                 \
    sl_belief_t kept[SL_KEPT];                                                                     \
    int16_t kept_mean[SL_KEPT];                                                                    \
    int16_t kept_power[SL_KEPT];
#else
#define SL_FIRST_SCRATCH
#endif
