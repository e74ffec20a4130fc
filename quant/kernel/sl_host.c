/* The host's way in: blocks of samples in one call. Never part of firmware. */
#include "sl_learner.h"

#define SL_EXPORT __attribute__((visibility("default")))

SL_EXPORT uint64_t sl_host_state_bytes(void) {
    return sizeof(sl_state_t);
}

SL_EXPORT uint64_t sl_host_scratch_bytes(void) {
    return sizeof(sl_scratch_t);
}

/* Test, then train, on n samples. Returns how many were done; fewer than n: the next one's error
 * is in *status. */
SL_EXPORT uint64_t sl_host_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                 const uint32_t *labels, uint64_t n, int32_t *predictions,
                                 int32_t *status) {
    *status = SL_OK;
    for (uint64_t t = 0; t < n; t++) {
        int32_t predicted = sl_learner_learn(state, scratch, x_bits + t * SL_N_FEATURES, labels[t]);
        if (predicted < 0) {
            *status = predicted;
            return t;
        }
        predictions[t] = predicted;
    }
    return n;
}

#if !SL_Q8
/* The logits, or with a Gaussian likelihood mean and log-variance, of each draw of the latest
 * prediction: double[SL_N_OUTPUTS][SL_N_DRAWS]. Learning leaves other things in their place. */
SL_EXPORT void sl_host_draws(const sl_scratch_t *scratch, double *out) {
    for (uint32_t e = 0; e < SL_N_OUTPUTS * SL_N_DRAWS; e++) {
        const uint32_t lane = e / SL_N_DRAWS * SL_N_LANES + e % SL_N_DRAWS;
        out[e] = (double)scratch->block_a[lane] / (SL_Q16 ? 65536.0 : 1.0);
    }
}
#endif

#if SL_GAUSSIAN
/* The three words of the latest prediction. */
SL_EXPORT void sl_host_prediction(const sl_scratch_t *scratch, uint32_t *out) {
    for (uint32_t k = 0; k < 3; k++) {
        out[k] = scratch->prediction[k];
    }
}

/* As sl_host_learn, with targets as binary32 bits; predictions: uint32[n][3]. */
SL_EXPORT uint64_t sl_host_learn_targets(sl_state_t *state, sl_scratch_t *scratch,
                                         const uint32_t *x_bits, const uint32_t *targets,
                                         uint64_t n, uint32_t *predictions, int32_t *status) {
    *status = SL_OK;
    for (uint64_t t = 0; t < n; t++) {
        *status = sl_learner_learn(state, scratch, x_bits + t * SL_N_FEATURES, targets[t]);
        if (*status < 0) {
            return t;
        }
        sl_host_prediction(scratch, predictions + 3 * t);
    }
    return n;
}
#endif

SL_EXPORT int32_t sl_host_predict(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits, double *mean_logits) {
    int32_t predicted = sl_learner_predict(state, scratch, x_bits);
    for (uint32_t k = 0; predicted >= 0 && k < SL_N_OUTPUTS; k++) {
        mean_logits[k] =
            (double)scratch->logit_sum[k] / ((SL_INTEGER ? 65536.0 : 1.0) * SL_N_DRAWS);
    }
    return predicted;
}

SL_EXPORT void sl_host_saturations(const sl_scratch_t *scratch, uint32_t *out) {
    for (uint32_t kind = 0; kind < SL_N_SAT; kind++) {
        out[kind] = scratch->saturations[kind];
    }
}
