/* Without spiking layers no time passes between two samples. */
#pragma once

#include "sl_build.h"
#include "sl_rule.h"

/* What the noise of a learning step is drawn by. */
static inline uint32_t sl_time_counter(const sl_state_t *state) {
    return state->n_samples;
}

SL_FOLD void sl_time_begin(sl_scratch_t *scratch, uint32_t learned) {
    (void)scratch;
    (void)learned;
}

SL_FOLD void sl_time_arrive(const sl_state_t *state, sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_time_commit(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

/* A step without a label leaves nothing. */
SL_FOLD void sl_time_pass(sl_state_t *state, const sl_scratch_t *scratch) {
    (void)state;
    (void)scratch;
}

SL_FOLD void sl_time_reset(sl_state_t *state) {
    (void)state;
}
