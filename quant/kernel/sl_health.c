/* How a learner is: levels and counters. Golden model: quant/levels.py. */
#include "sl_learner.h"

void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words) {
    uint32_t blind = 0;
    int32_t step_log2 = 0;
#if SL_STANDARDISE
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        blind += state->streak[i] > 0 || state->streak[i] <= -SL_QUIET_MIN;
    }
#endif
#ifdef SL_STEP_LOG2_ONE
    step_log2 = (int32_t)(state->step_log2 * SL_STEP_LOG2_ONE);
#endif
    (void)state;
    words[0] = blind;
    words[1] = (uint32_t)step_log2;
    for (uint32_t kind = 0; kind < SL_N_SAT; kind++) {
        words[2 + kind] = scratch->saturations[kind];
    }
}
