/* Plain stochastic gradient descent, with the interface of the project's learners.
 *
 * One hidden layer, ReLU, softmax, no biases, one sample at a time. RIVAL_FIXED chooses the
 * numbers: 0 is binary32; 1 is Q16.16 in 32 bits, each product cut to 16 fraction bits, as
 * fixed-point libraries for microcontrollers have it (TinyMind's default). */
#ifndef SL_LEARNER_H
#define SL_LEARNER_H

#include <stdint.h>

#include "sl_config.h"

#define SL_TARGET_BYTES                2u
#define SL_PREDICTION_WORDS            1u
#define SL_PREDICTION(scratch, result) ((void)(scratch), (const uint32_t *)(result))

enum { SL_HEALTH_WORDS = 8 };
enum { SL_OK = 0, SL_ERR_NOT_FINITE = -1, SL_ERR_LABEL = -2 };

#if RIVAL_FIXED
typedef int32_t sl_number_t;
#else
typedef float sl_number_t;
#endif

typedef struct {
    sl_number_t hidden[SL_N_FEATURES][RIVAL_HIDDEN];
    sl_number_t output[RIVAL_HIDDEN][SL_N_CLASSES];
} sl_state_t;

typedef struct {
    sl_number_t x[SL_N_FEATURES];
    sl_number_t a[RIVAL_HIDDEN];
    sl_number_t g[RIVAL_HIDDEN];
    sl_number_t z[SL_N_CLASSES];
} sl_scratch_t;

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);
int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label);
void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words);

#endif
