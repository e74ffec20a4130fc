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

static int32_t sl_learner_forward(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits) {
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        if ((x_bits[i] & 0x7F800000u) == 0x7F800000u) {
            return SL_ERR_NOT_FINITE;
        }
    }
    sl_front_end_update(state, scratch, x_bits);
    return SL_RULE_FORWARD(state, scratch);
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    return sl_learner_forward(state, scratch, x_bits);
}

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label) {
    if (label >= SL_N_CLASSES) {
        return SL_ERR_LABEL;
    }
    int32_t predicted = sl_learner_forward(state, scratch, x_bits);
    if (predicted < 0) {
        return predicted;
    }
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
