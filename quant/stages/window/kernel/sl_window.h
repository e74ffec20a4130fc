/* Windows of a signal: samples in, features out each time a window ends. Golden model:
 * quant/stages/window/golden.py; NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_stages_config.h"

/* waiting: samples until a window ends, that one included; at: where the next sample goes;
 * sample: the last ones, binary32 patterns. */
typedef struct {
    uint32_t waiting, at;
    uint32_t sample[SL_WINDOW_N * SL_WINDOW_CHANNELS];
} sl_window_state_t;

typedef struct {
    int32_t value[SL_WINDOW_N]; /* of one channel, the oldest first */
} sl_window_scratch_t;

/* A recording begins: no window holds samples of two. */
void sl_window_reset(sl_window_state_t *state);

/* x_bits: SL_WINDOW_CHANNELS finite values as binary32 bit patterns. Returns 1 if this sample ends
 * a window, whose SL_WINDOW_FEATURES features are then written as binary32; 0 if it ends none. */
int32_t sl_window_look(const sl_window_state_t *state, sl_window_scratch_t *scratch,
                       const uint32_t *x_bits, uint32_t *feature_bits);

/* The sample is one of the window's from now on. */
void sl_window_push(sl_window_state_t *state, const sl_window_scratch_t *scratch,
                    const uint32_t *x_bits);
