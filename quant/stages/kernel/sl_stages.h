/* A chain of stages: a signal's raw samples in, a learner's features out when the last stage has
 * some. Golden model: quant/stages/golden.py; NUMBERS.md beside it. Stages and their sizes come
 * from generated headers. The caller owns all memory. */
#pragma once

#include <stdint.h>

#include "sl_build.h"
#include "sl_stages_list.h"

/* What each stage keeps. */
typedef struct {
#define SL_STAGE(name, NAME) sl_##name##_state_t name;
    SL_STAGES(SL_STAGE)
#undef SL_STAGE
} sl_stages_state_t;

/* Of the last look: the row that came out of each stage, and how many stages a row went into. */
typedef struct {
#define SL_STAGE(name, NAME)                                                                       \
    sl_##name##_scratch_t name;                                                                    \
    uint32_t name##_row[SL_##NAME##_FEATURES];
    SL_STAGES(SL_STAGE)
#undef SL_STAGE
    uint32_t reached;
} sl_stages_scratch_t;

/* A recording begins: nothing of the one before stays. */
SL_API void sl_stages_reset(sl_stages_state_t *state);

/* x_bits: SL_STAGES_CHANNELS raw values as binary32 bit patterns. Returns 1 if features come with
 * this sample, SL_STAGES_FEATURES at sl_stages_features(scratch); 0 if none do; or -1, which is
 * SL_ERR_NOT_FINITE, if a value is NaN or infinite. */
SL_API int32_t sl_stages_look(const sl_stages_state_t *state, sl_stages_scratch_t *scratch,
                              const uint32_t *x_bits);

/* Takes the sample of the last look, which did not return -1. */
SL_API void sl_stages_push(sl_stages_state_t *state, const sl_stages_scratch_t *scratch,
                           const uint32_t *x_bits);

/* The features of the last look, binary32. */
SL_API const uint32_t *sl_stages_features(const sl_stages_scratch_t *scratch);
