/* The learner: front end, then rule. The order of things is the same for every arithmetic. */
#include "sl_parts.h"

static int32_t sl_learner_forward(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits) {
    uint32_t not_finite = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        not_finite |= (x_bits[i] & 0x7F800000u) == 0x7F800000u;
    }
    if (not_finite) {
        return SL_ERR_NOT_FINITE;
    }
    sl_front_end_update(state, scratch, x_bits);
    return sl_mesu_forward(state, scratch);
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
    sl_mesu_update(state, scratch, label);
#if SL_STANDARDISE
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        state->mean[i] = scratch->new_mean[i];
        state->variance[i] = scratch->new_variance[i];
#if SL_Q16
        state->exponent[i] = scratch->new_exponent[i];
#endif
    }
#endif
    state->front_end_count = scratch->new_count;
    state->n_samples++;
    return predicted;
}
