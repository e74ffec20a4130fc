/* Standardise: values in, standard deviations from their mean out. Golden model:
 * quant/stages/standardise/golden.py; NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_stages_config.h"
#include "sl_statistics.h"

/* count: samples in the statistics, up to the window; of each channel its running mean and
 * variance, as the front end has them, and the exponent of their unit; as binary32 patterns what it
 * was at first, and its first other value. */
typedef struct {
    uint32_t count;
    int32_t mean[SL_STANDARDISE_CHANNELS];
    uint32_t low[SL_STANDARDISE_CHANNELS];
    uint32_t variance[SL_STANDARDISE_CHANNELS];
    int32_t exponent[SL_STANDARDISE_CHANNELS];
    uint32_t steady[SL_STANDARDISE_CHANNELS];
    uint32_t other[SL_STANDARDISE_CHANNELS];
} sl_standardise_state_t;

/* The statistics as the last look would leave them; a feature's reference is its other value. */
typedef struct {
    sl_feature_t after[SL_STANDARDISE_CHANNELS];
    uint32_t steady[SL_STANDARDISE_CHANNELS];
} sl_standardise_scratch_t;

/* A recording begins: the statistics are the sensor's, and stay. The caller begins with zeros, of
 * which this makes the statistics that are known, if any are. */
void sl_standardise_reset(sl_standardise_state_t *state);

/* x_bits: SL_STANDARDISE_CHANNELS finite values as binary32 bit patterns. Writes
 * SL_STANDARDISE_FEATURES features and returns 1. */
int32_t sl_standardise_look(const sl_standardise_state_t *state, sl_standardise_scratch_t *scratch,
                            const uint32_t *x_bits, uint32_t *feature_bits);

/* The values of the last look enter the statistics. */
void sl_standardise_push(sl_standardise_state_t *state, const sl_standardise_scratch_t *scratch,
                         const uint32_t *x_bits);
