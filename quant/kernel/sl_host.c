/* The host's way in: blocks of samples in one call. Never part of firmware. */
#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "sl_draws.h"
#include "sl_learner.h"
#include "sl_memory.h"

/* A row that holds a value beyond binary32, or none: nothing was done. */
enum { SL_HOST_REFUSED = -100 };

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

/* Learners share a scratch one after the other, and each has its own counters: uint32[SL_N_SAT]. */
static void sl_host_begin(sl_scratch_t *scratch, const uint32_t *counts) {
    memcpy(scratch->saturations, counts, SL_N_SAT * sizeof *counts);
}

static void sl_host_end(const sl_scratch_t *scratch, uint32_t *counts) {
    memcpy(counts, scratch->saturations, SL_N_SAT * sizeof *counts);
}

/* Test, then train, on n samples; predictions: uint32[n][SL_PREDICTION_WORDS]. Returns how many
 * were done; *status is the last result, if fewer than n were done the next sample's error. */
SL_API uint64_t sl_host_learn(sl_state_t *state, sl_scratch_t *scratch, uint32_t *counts,
                              const uint32_t *x_bits, const uint32_t *targets, uint64_t n,
                              uint32_t *predictions, int32_t *status) {
    uint64_t t = 0;
    *status = SL_OK;
    sl_host_begin(scratch, counts);
    for (; t < n; t++) {
        const uint32_t *x = x_bits + t * SL_N_FEATURES;
        const bool more = t + 1 < n;
        *status =
            sl_learner_learn_before(state, scratch, x, targets[t], more ? x + SL_N_FEATURES : NULL,
                                    more ? targets[t + 1] : 0, t > 0);
        if (*status < 0) {
            break;
        }
        sl_host_copy(scratch, *status, predictions + t * SL_PREDICTION_WORDS);
    }
    sl_host_end(scratch, counts);
    return t;
}

/* Let one step of time pass that has no label. Returns and sets as sl_host_predict_many. */
SL_API uint64_t sl_host_advance(sl_state_t *state, sl_scratch_t *scratch, uint32_t *counts,
                                const uint32_t *x_bits, uint32_t *prediction, double *outputs,
                                int32_t *status) {
    sl_host_begin(scratch, counts);
    *status = sl_learner_advance(state, scratch, x_bits);
    if (*status >= 0) {
        sl_host_copy(scratch, *status, prediction);
        for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
            outputs[k] = SL_ANSWERED(scratch, k);
        }
    }
    sl_host_end(scratch, counts);
    return *status >= 0;
}

/* Round a row to binary32. Returns false if a value is NaN or beyond binary32. */
static bool sl_host_round(const double *row, uint32_t *x_bits) {
    bool finite = true;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const float value = (float)row[i];
        finite &= row[i] <= (double)FLT_MAX && row[i] >= -(double)FLT_MAX;
        memcpy(x_bits + i, &value, sizeof value);
    }
    return finite;
}

/* Test, then train, on one row of doubles. Returns as sl_learner_learn, or SL_HOST_REFUSED. */
SL_API int32_t sl_host_learn_row(sl_state_t *state, sl_scratch_t *scratch, uint32_t *counts,
                                 const double *row, uint32_t target) {
    uint32_t x_bits[SL_N_FEATURES];
    if (!sl_host_round(row, x_bits)) {
        return SL_HOST_REFUSED;
    }
    sl_host_begin(scratch, counts);
    const int32_t status = sl_learner_learn(state, scratch, x_bits, target);
    sl_host_end(scratch, counts);
    return status;
}

/* With draws, or with the mean weights alone. */
static int32_t sl_host_predict(const sl_state_t *state, sl_scratch_t *scratch,
                               const uint32_t *x_bits, uint32_t draws) {
    return draws ? sl_learner_predict(state, scratch, x_bits)
                 : sl_learner_predict_mean(state, scratch, x_bits);
}

/* Predict one row of doubles. Returns as sl_learner_predict, or SL_HOST_REFUSED. */
SL_API int32_t sl_host_predict_row(const sl_state_t *state, sl_scratch_t *scratch, uint32_t *counts,
                                   const double *row, uint32_t draws) {
    uint32_t x_bits[SL_N_FEATURES];
    if (!sl_host_round(row, x_bits)) {
        return SL_HOST_REFUSED;
    }
    sl_host_begin(scratch, counts);
    const int32_t status = sl_host_predict(state, scratch, x_bits, draws);
    sl_host_end(scratch, counts);
    return status;
}

/* Predict n samples; outputs: the mean over the draws, double[n][SL_N_OUTPUTS]. Returns and sets
 * *status as sl_host_learn. */
SL_API uint64_t sl_host_predict_many(const sl_state_t *state, sl_scratch_t *scratch,
                                     uint32_t *counts, const uint32_t *x_bits, uint64_t n,
                                     uint32_t draws, uint32_t *predictions, double *outputs,
                                     int32_t *status) {
    uint64_t t = 0;
    *status = SL_OK;
    sl_host_begin(scratch, counts);
    for (; t < n; t++) {
        *status = sl_host_predict(state, scratch, x_bits + t * SL_N_FEATURES, draws);
        if (*status < 0) {
            break;
        }
        sl_host_copy(scratch, *status, predictions + t * SL_PREDICTION_WORDS);
        for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
            outputs[t * SL_N_OUTPUTS + k] = SL_ANSWERED(scratch, k);
        }
    }
    sl_host_end(scratch, counts);
    return t;
}

/* The log-probabilities by the memory alone, double[n][SL_N_OUTPUTS], of n samples. Returns and
 * sets *status as sl_host_learn. */
SL_API uint64_t sl_host_recall_many(const sl_state_t *state, sl_scratch_t *scratch,
                                    uint32_t *counts, const uint32_t *x_bits, uint64_t n,
                                    uint32_t *classes, double *outputs, int32_t *status) {
    uint64_t t = 0;
    *status = SL_OK;
    sl_host_begin(scratch, counts);
    for (; t < n; t++) {
        *status = sl_learner_recall(state, scratch, x_bits + t * SL_N_FEATURES);
        if (*status < 0) {
            break;
        }
        classes[t] = (uint32_t)*status;
        for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
            outputs[t * SL_N_OUTPUTS + k] = SL_RECALLED(scratch, k);
        }
    }
    sl_host_end(scratch, counts);
    return t;
}

/* The outputs (logits, or mean and log-variance) of each draw of the latest prediction:
 * double[SL_N_OUTPUTS][SL_N_DRAWS]. */
SL_API void sl_host_draws(const sl_scratch_t *scratch, double *out) {
    for (uint32_t e = 0; e < SL_N_OUTPUTS * SL_N_DRAWS; e++) {
        out[e] = sl_drawn_output(scratch, e / SL_N_DRAWS, e % SL_N_DRAWS);
    }
}
