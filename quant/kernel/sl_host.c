/* The host's way in: blocks of samples in one call. Never part of firmware. */
#include "sl_draws.h"
#include "sl_learner.h"
#include "sl_memory.h"

/* What the caller has to know before it makes room. */
SL_API uint64_t sl_host_state_bytes(void) {
    return sizeof(sl_state_t);
}

SL_API uint64_t sl_host_scratch_bytes(void) {
    return sizeof(sl_scratch_t);
}

SL_API uint32_t sl_host_prediction_words(void) {
    return SL_PREDICTION_WORDS;
}

/* 4: a target is binary32 bits; else the index of a class. */
SL_API uint32_t sl_host_target_bytes(void) {
    return SL_TARGET_BYTES;
}

SL_API uint32_t sl_host_n_draws(void) {
    return SL_N_DRAWS;
}

static void sl_host_copy(const sl_scratch_t *scratch, int32_t result, uint32_t *out) {
    const uint32_t *words = SL_PREDICTION(scratch, &result);
    for (uint32_t k = 0; k < SL_PREDICTION_WORDS; k++) {
        out[k] = words[k];
    }
}

/* Test, then train, on n samples; predictions: uint32[n][SL_PREDICTION_WORDS]. Returns how many
 * were done; *status is the last result, if fewer than n were done the next sample's error. */
SL_API uint64_t sl_host_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                              const uint32_t *targets, uint64_t n, uint32_t *predictions,
                              int32_t *status) {
    *status = SL_OK;
    for (uint64_t t = 0; t < n; t++) {
        *status = sl_learner_learn(state, scratch, x_bits + t * SL_N_FEATURES, targets[t]);
        if (*status < 0) {
            return t;
        }
        sl_host_copy(scratch, *status, predictions + t * SL_PREDICTION_WORDS);
    }
    return n;
}

/* Predict n samples; outputs: the mean over the draws, double[n][SL_N_OUTPUTS]. Returns and sets
 * *status as sl_host_learn. */
SL_API uint64_t sl_host_predict_many(const sl_state_t *state, sl_scratch_t *scratch,
                                     const uint32_t *x_bits, uint64_t n, uint32_t *predictions,
                                     double *outputs, int32_t *status) {
    *status = SL_OK;
    for (uint64_t t = 0; t < n; t++) {
        *status = sl_learner_predict(state, scratch, x_bits + t * SL_N_FEATURES);
        if (*status < 0) {
            return t;
        }
        sl_host_copy(scratch, *status, predictions + t * SL_PREDICTION_WORDS);
        for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
            outputs[t * SL_N_OUTPUTS + k] = SL_ANSWERED(scratch, k);
        }
    }
    return n;
}

/* The log-probabilities by the memory alone, double[n][SL_N_OUTPUTS], of n samples. Returns and
 * sets *status as sl_host_learn. */
SL_API uint64_t sl_host_recall_many(const sl_state_t *state, sl_scratch_t *scratch,
                                    const uint32_t *x_bits, uint64_t n, uint32_t *classes,
                                    double *outputs, int32_t *status) {
    *status = SL_OK;
    for (uint64_t t = 0; t < n; t++) {
        *status = sl_learner_recall(state, scratch, x_bits + t * SL_N_FEATURES);
        if (*status < 0) {
            return t;
        }
        classes[t] = (uint32_t)*status;
        for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
            outputs[t * SL_N_OUTPUTS + k] = SL_RECALLED(scratch, k);
        }
    }
    return n;
}

/* The outputs (logits, or mean and log-variance) of each draw of the latest prediction:
 * double[SL_N_OUTPUTS][SL_N_DRAWS]. */
SL_API void sl_host_draws(const sl_scratch_t *scratch, double *out) {
    for (uint32_t e = 0; e < SL_N_OUTPUTS * SL_N_DRAWS; e++) {
        out[e] = sl_drawn_output(scratch, e / SL_N_DRAWS, e % SL_N_DRAWS);
    }
}

SL_API void sl_host_saturations(const sl_scratch_t *scratch, uint32_t *out) {
    for (uint32_t kind = 0; kind < SL_N_SAT; kind++) {
        out[kind] = scratch->saturations[kind];
    }
}
