/* 2^(-i/256), Q0.15: quant/tables.py. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_config.h"

#if SL_SMALL

/* 2^(-i/16) and 2^(-i/256), Q1.30, whose products round to the same 256 numbers. */
static const uint32_t sl_exp2_coarse[16] = SL_EXP2_COARSE;
static const uint32_t sl_exp2_fine[16] = SL_EXP2_FINE;

/* i below 256. */
static __attribute__((noinline)) uint16_t sl_exp2(uint32_t i) {
    const uint64_t product = (uint64_t)sl_exp2_coarse[i >> 4] * sl_exp2_fine[i & 15u];
    return (uint16_t)(((uint32_t)(product >> 32) + (1u << 12)) >> 13);
}

#else

static const uint16_t sl_exp2_table[256] = SL_EXP2_TABLE;

static inline uint16_t sl_exp2(uint32_t i) {
    return sl_exp2_table[i];
}

#endif
