/* The Gaussian head's part of the scratch, in integers. */
#pragma once

#include "sl_gaussian_words.h"

/* sums: what the prediction is made of (quant/heads/gaussian/NUMBERS.md); target: standardised,
 * Q.16; new_*: statistics that become the state's on learning. */
#define SL_HEAD_SCRATCH                                                                            \
    uint32_t prediction[SL_PREDICTION_WORDS];                                                      \
    int64_t sums[3];                                                                               \
    int32_t target;                                                                                \
    uint32_t new_target_count;                                                                     \
    int32_t new_target_mean;                                                                       \
    uint32_t new_target_variance;                                                                  \
    int32_t new_target_exponent;
