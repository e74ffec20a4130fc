#include "sl_stages.h"

void sl_stages_reset(sl_stages_state_t *state) {
#define SL_STAGE(name, NAME) sl_##name##_reset(&state->name);
    SL_STAGES(SL_STAGE)
#undef SL_STAGE
}

int32_t sl_stages_look(const sl_stages_state_t *state, sl_stages_scratch_t *scratch,
                       const uint32_t *x_bits) {
    const uint32_t *row = x_bits;
    scratch->reached = 0;
    for (uint32_t c = 0; c < SL_STAGES_CHANNELS; c++) {
        if ((x_bits[c] & 0x7F800000u) == 0x7F800000u) {
            return -1;
        }
    }
#define SL_STAGE(name, NAME)                                                                       \
    scratch->reached++;                                                                            \
    if (sl_##name##_look(&state->name, &scratch->name, row, scratch->name##_row) == 0) {           \
        return 0;                                                                                  \
    }                                                                                              \
    row = scratch->name##_row;
    SL_STAGES(SL_STAGE)
#undef SL_STAGE
    return row != x_bits;
}

void sl_stages_push(sl_stages_state_t *state, const sl_stages_scratch_t *scratch,
                    const uint32_t *x_bits) {
    const uint32_t *row = x_bits;
    uint32_t left = scratch->reached;
#define SL_STAGE(name, NAME)                                                                       \
    if (left == 0) {                                                                               \
        return;                                                                                    \
    }                                                                                              \
    left--;                                                                                        \
    sl_##name##_push(&state->name, &scratch->name, row);                                           \
    row = scratch->name##_row;
    SL_STAGES(SL_STAGE)
#undef SL_STAGE
    (void)row;
}

const uint32_t *sl_stages_features(const sl_stages_scratch_t *scratch) {
    return scratch->SL_STAGES_ROW;
}
