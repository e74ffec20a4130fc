/* Send-on-delta: values in, events up and down out. Golden model: quant/stages/delta/golden.py;
 * NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_stages_config.h"

/* begun: whether a sample came; reference: what values are compared with. */
typedef struct {
    uint32_t begun;
    int32_t reference[SL_DELTA_CHANNELS];
} sl_delta_state_t;

typedef struct {
    uint32_t nothing;
} sl_delta_scratch_t;

/* A recording begins. */
void sl_delta_reset(sl_delta_state_t *state);

/* x_bits: SL_DELTA_CHANNELS finite values as binary32 bit patterns. Writes SL_DELTA_FEATURES
 * features and returns 1. */
int32_t sl_delta_look(const sl_delta_state_t *state, sl_delta_scratch_t *scratch,
                      const uint32_t *x_bits, uint32_t *feature_bits);

/* The values are what the next ones are compared with. */
void sl_delta_push(sl_delta_state_t *state, const sl_delta_scratch_t *scratch,
                   const uint32_t *x_bits);
