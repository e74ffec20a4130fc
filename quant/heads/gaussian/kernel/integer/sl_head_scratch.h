/* The Gaussian head's part of the scratch, in integers. */
#pragma once

#include "sl_gaussian_words.h"
#include "sl_statistics.h"

/* sums: what the prediction is made of (quant/heads/gaussian/NUMBERS.md); target: standardised,
 * Q.16; new_target: statistics that become the state's on learning. */
#define SL_HEAD_SCRATCH                                                                            \
    uint32_t prediction[SL_PREDICTION_WORDS];                                                      \
    int64_t sums[3];                                                                               \
    int32_t target;                                                                                \
    sl_feature_t new_target;
