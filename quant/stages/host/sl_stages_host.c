/* A chain of stages for the host: many samples in one call. */
#include <string.h>

#include "sl_stages.h"

SL_API int32_t sl_stages_see(const sl_stages_state_t *state, const uint32_t *x_bits,
                             uint32_t *feature_bits);
SL_API uint32_t sl_stages_run(sl_stages_state_t *state, const uint32_t *x_bits, uint32_t n,
                              uint32_t *feature_bits);

int32_t sl_stages_see(const sl_stages_state_t *state, const uint32_t *x_bits,
                      uint32_t *feature_bits) {
    sl_stages_scratch_t scratch;
    const int32_t found = sl_stages_look(state, &scratch, x_bits);
    if (found == 1) {
        memcpy(feature_bits, sl_stages_features(&scratch), 4u * SL_STAGES_FEATURES);
    }
    return found;
}

/* Takes finite samples; returns how many rows of features came. */
uint32_t sl_stages_run(sl_stages_state_t *state, const uint32_t *x_bits, uint32_t n,
                       uint32_t *feature_bits) {
    sl_stages_scratch_t scratch;
    uint32_t rows = 0;
    for (uint32_t i = 0; i < n; i++, x_bits += SL_STAGES_CHANNELS) {
        if (sl_stages_look(state, &scratch, x_bits) == 1) {
            const size_t at = (size_t)rows++ * SL_STAGES_FEATURES;
            memcpy(feature_bits + at, sl_stages_features(&scratch), 4u * SL_STAGES_FEATURES);
        }
        sl_stages_push(state, &scratch, x_bits);
    }
    return rows;
}
