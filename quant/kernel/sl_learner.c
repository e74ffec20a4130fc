/* The learner: front end, then rule. The order of things is the same for every arithmetic. */
#include "sl_parts.h"

/* The generated configuration names the rule. */
#if SL_Q8
#define SL_RULE_FORWARD sl_metaplastic_forward
#define SL_RULE_UPDATE  sl_metaplastic_update
#else
#define SL_RULE_FORWARD sl_mesu_forward
#define SL_RULE_UPDATE  sl_mesu_update
#endif

static uint32_t sl_is_finite(uint32_t bits) {
    return (bits & 0x7F800000u) != 0x7F800000u;
}

static int32_t sl_learner_forward(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits) {
    uint32_t not_finite = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        not_finite |= !sl_is_finite(x_bits[i]);
    }
    if (not_finite) {
        return SL_ERR_NOT_FINITE;
    }
    sl_front_end_update(state, scratch, x_bits);
    const int32_t predicted = SL_RULE_FORWARD(state, scratch);
#if SL_GAUSSIAN
    if (predicted >= 0) {
        sl_gaussian_predict(state, scratch);
        return SL_OK;
    }
#endif
    return predicted;
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    return sl_learner_forward(state, scratch, x_bits);
}

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label) {
#if SL_GAUSSIAN
    if (!sl_is_finite(label)) {
        return SL_ERR_NOT_FINITE;
    }
#else
    if (label >= SL_N_CLASSES) {
        return SL_ERR_LABEL;
    }
#endif
    int32_t predicted = sl_learner_forward(state, scratch, x_bits);
    if (predicted < 0) {
        return predicted;
    }
#if SL_GAUSSIAN
    sl_gaussian_target(state, scratch, label);
    state->target_count = scratch->new_target_count;
    state->target_mean = scratch->new_target_mean;
    state->target_variance = scratch->new_target_variance;
#if SL_Q16
    state->target_exponent = scratch->new_target_exponent;
#endif
#endif
    SL_RULE_UPDATE(state, scratch, label);
#if SL_STANDARDISE
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->mean[i] = scratch->new_mean[i];
        state->variance[i] = scratch->new_variance[i];
#if SL_INTEGER
        state->exponent[i] = scratch->new_exponent[i];
#endif
    }
#endif
    state->front_end_count = scratch->new_count;
    state->n_samples++;
    return predicted;
}
