/* Columns cut into signs, for binary rules: quant/cuts.py. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"

#ifdef SL_REAL_INPUTS
#define SL_PLUS_MINUS 1.0f
typedef float sl_cut_t;
#else
#define SL_PLUS_MINUS 16 /* Q3.4 */
typedef int16_t sl_cut_t;
#endif

#if SL_N_CUTS
static const sl_cut_t sl_cuts[SL_N_CUTS] = SL_CUTS;

/* Each column becomes the signs of its distances from the cuts, in place, so the last one first. */
static void sl_cut(sl_cut_t *input) {
    for (uint32_t i = SL_N_FEATURES; i-- > 0;) {
        const sl_cut_t z = input[i];
        for (uint32_t k = 0; k < SL_N_CUTS; k++) {
            input[i * SL_N_CUTS + k] = z >= sl_cuts[k] ? SL_PLUS_MINUS : -SL_PLUS_MINUS;
        }
    }
}
#else
static inline void sl_cut(sl_cut_t *input) {
    (void)input;
}
#endif
