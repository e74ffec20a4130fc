/* A sum of squares of 24 bits, and of inputs of 11: of more than 258 rows, or 1023 inputs, it may
 * need more than 32. */
#pragma once

#include <stdint.h>

#include "sl_config.h"
#include "sl_rule.h"

#if SL_MAX_UNITS > 257 || SL_N_INPUTS > 1023
typedef uint64_t sl_total_t;
#else
typedef uint32_t sl_total_t;
#endif
