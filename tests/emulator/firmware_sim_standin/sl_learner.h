/* A stand-in learner for the tests of firmware_sim: an averaged-free integer perceptron. */
#ifndef SL_LEARNER_H
#define SL_LEARNER_H

#include <stdint.h>

#include "sl_config.h"

#define SL_TARGET_BYTES                2u
#define SL_PREDICTION_WORDS            1u
#define SL_PREDICTION(scratch, result) ((void)(scratch), (const uint32_t *)(result))

enum { SL_HEALTH_WORDS = 8 };
enum { SL_OK = 0, SL_ERR_NOT_FINITE = -1, SL_ERR_LABEL = -2 };

typedef struct {
    uint32_t samples;
    int16_t weight[SL_N_CLASSES][SL_N_FEATURES + 1];
} sl_state_t;

typedef struct {
    int16_t x[SL_N_FEATURES + 1]; /* Q7.8, saturated; the last one is the constant 1 */
} sl_scratch_t;

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);
int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label);
void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words);

#endif
