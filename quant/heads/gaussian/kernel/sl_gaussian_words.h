/* The Gaussian head predicts a number: what the learner's interface and the rule need of it. */
#pragma once

#define SL_TARGET_BYTES     4u /* of a target on the link */
#define SL_PREDICTION_WORDS 3u /* mean, aleatoric and epistemic standard deviation: binary32 */

/* Where the words of an answer lie. */
#define SL_PREDICTION(scratch, result) ((void)(result), (const uint32_t *)(scratch)->prediction)

#define SL_HEAD_SPREAD 1 /* whether it asks for the first output's noise deviation */
