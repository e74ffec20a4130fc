/* The Gaussian head's part of the scratch, in float32. */
#pragma once

#include "sl_gaussian_words.h"

/* target: standardised; new_*: statistics that become the state's on learning. */
#define SL_HEAD_SCRATCH                                                                            \
    uint32_t prediction[SL_PREDICTION_WORDS];                                                      \
    float target;                                                                                  \
    uint32_t new_target_count;                                                                     \
    float new_target_mean;                                                                         \
    float new_target_variance;
