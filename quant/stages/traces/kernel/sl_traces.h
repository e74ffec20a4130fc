/* Leaky traces: values or events in, their leaky means out. Golden model:
 * quant/stages/traces/golden.py; NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_stages_config.h"

/* begun: whether a sample came; waiting: steps until features come, that one included; exponent: of
 * each channel; trace: in units of 2^-exponent, each leak of the first channel, then of the next.
 */
typedef struct {
    uint32_t begun, waiting;
    int32_t exponent[SL_TRACES_CHANNELS];
    int32_t trace[SL_TRACES_CHANNELS * SL_TRACES_N_LEAKS];
} sl_traces_state_t;

typedef struct {
    uint32_t nothing;
} sl_traces_scratch_t;

/* A recording begins. */
void sl_traces_reset(sl_traces_state_t *state);

/* x_bits: SL_TRACES_CHANNELS finite values as binary32 bit patterns. Returns 1 if features come
 * with this step, and writes SL_TRACES_FEATURES of them; else 0. */
int32_t sl_traces_look(const sl_traces_state_t *state, sl_traces_scratch_t *scratch,
                       const uint32_t *x_bits, uint32_t *feature_bits);

/* The values enter the traces. */
void sl_traces_push(sl_traces_state_t *state, const sl_traces_scratch_t *scratch,
                    const uint32_t *x_bits);
