#include "sl_model.h"

#include "sl_learner.h"
#include "sl_store.h"

void sl_learner_start(sl_state_t *state); /* the state that was exported */
#ifdef SL_MODEL_HAS_CHECK
int32_t sl_learner_check(const sl_state_t *state);
#else
#define sl_learner_check(state) 1 /* every state of this rule is one that a learner reaches */
#endif

static sl_state_t state;
static sl_scratch_t scratch;
static uint32_t bits[SL_N_FEATURES]; /* x as the kernel takes it */
static float prediction[3];

SL_STATIC_ASSERT(sizeof(int) >= 4, "an int has 32 bits at least: no AVR, no MSP430");
SL_STATIC_ASSERT(sizeof(sl_state_t) == SL_MODEL_STATE_BYTES, "sizes and kernel of one export");

int32_t sl_model_begin(void) {
    if (sl_store_load(&state, SL_MODEL_STATE_BYTES) == 0 && sl_learner_check(&state)) {
        return SL_MODEL_SAVED;
    }
    sl_learner_start(&state);
    return SL_MODEL_EXPORTED;
}

static int32_t answered(int32_t result) {
    if (result >= 0) {
#if SL_N_CLASSES
        prediction[0] = (float)result;
#else
        __builtin_memcpy(prediction, SL_PREDICTION(&scratch, &result), sizeof prediction);
#endif
        return result;
    }
    return result == SL_ERR_LABEL ? SL_MODEL_UNKNOWN_CLASS : SL_MODEL_NOT_FINITE;
}

int32_t sl_model_predict(const float *x) {
    __builtin_memcpy(bits, x, sizeof bits);
    return answered(sl_learner_predict(&state, &scratch, bits));
}

int32_t sl_model_learn(const float *x, sl_model_target target) {
    uint32_t word;
    __builtin_memcpy(bits, x, sizeof bits);
    __builtin_memcpy(&word, &target, sizeof word);
    return answered(sl_learner_learn(&state, &scratch, bits, word));
}

const float *sl_model_prediction(void) {
    return prediction;
}

int32_t sl_model_save(void) {
    return sl_store_save(&state, SL_MODEL_STATE_BYTES);
}

uint32_t sl_model_samples(void) {
    return state.n_samples;
}

const void *sl_model_state(void) {
    return &state;
}

int32_t sl_model_set_state(const void *bytes, uint32_t size) {
    if (size != SL_MODEL_STATE_BYTES || (uintptr_t)bytes % 8u != 0u ||
        !sl_learner_check((const sl_state_t *)bytes)) {
        return 1;
    }
    __builtin_memcpy(&state, bytes, sizeof state);
    return 0;
}
