/* The categorical head predicts a class: what the learner's interface and the rule need of it. */
#pragma once

#include <stdint.h>

#include "sl_config.h"
#include "sl_memory_scratch.h"

#define SL_TARGET_BYTES     2u /* of a target on the link */
#define SL_PREDICTION_WORDS 1u

/* Where the words of an answer lie: it is the result itself. */
#define SL_PREDICTION(scratch, result) ((void)(scratch), (const uint32_t *)(result))

#define SL_HEAD_SPREAD 0 /* whether it asks for the first output's noise deviation */

/* Nothing of its own; what the reservoir keeps, the sample's inputs as they are stored, and what
 * the memory keeps. */
#if SL_REPLAY_CAPACITY
#define SL_HEAD_SCRATCH                                                                            \
    int8_t seen[SL_N_FEATURES];                                                                    \
    SL_MEMORY_SCRATCH
#else
#define SL_HEAD_SCRATCH SL_MEMORY_SCRATCH
#endif
