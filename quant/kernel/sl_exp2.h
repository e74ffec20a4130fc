/* 2^(-i/256), Q0.15: quant/tables.py. */
#pragma once

#include <stdint.h>

#include "sl_config.h"

static const uint16_t sl_exp2_table[256] = SL_EXP2_TABLE;
