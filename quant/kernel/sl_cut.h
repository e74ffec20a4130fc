/* Columns cut into signs, for binary rules: quant/cuts.py. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"

#if SL_N_CUTS
static const int16_t sl_cuts[SL_N_CUTS] = SL_CUTS;

/* Each column becomes the signs of its distances from the cuts, in place, so the last one first. */
static void sl_cut(int16_t *input) {
    for (uint32_t i = SL_N_FEATURES; i-- > 0;) {
        const int16_t z = input[i];
        for (uint32_t k = 0; k < SL_N_CUTS; k++) {
            input[i * SL_N_CUTS + k] = z >= sl_cuts[k] ? 16 : -16;
        }
    }
}
#else
static inline void sl_cut(int16_t *input) {
    (void)input;
}
#endif
