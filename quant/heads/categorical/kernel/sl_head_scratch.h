/* The categorical head predicts a class: what the learner's interface and the rule need of it. */
#pragma once

#include "sl_memory_scratch.h"

#define SL_TARGET_BYTES     2u /* of a target on the link */
#define SL_PREDICTION_WORDS 1u

/* Where the words of an answer lie: it is the result itself. */
#define SL_PREDICTION(scratch, result) ((void)(scratch), (const uint32_t *)(result))

#define SL_HEAD_SPREAD  0 /* whether it asks for the first output's noise deviation */
#define SL_HEAD_SCRATCH SL_MEMORY_SCRATCH /* keeps nothing of its own */
