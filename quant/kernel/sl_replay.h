/* Samples that are learned again: which one the rule is at, and the verb that stores and replays.
 * quant/replay/NUMBERS.md. */
#pragma once

#include "sl_noise.h"
#include "sl_rule.h"
#include "sl_time.h"

#if SL_REPLAY_CAPACITY
#define SL_REPLAYING(state) ((state)->replaying)
/* Before the rule sees a sample, for it may change its inputs in place. */
void sl_replay_note(sl_scratch_t *scratch);

/* After a sample was learned, while n_samples is still its own. */
void sl_replay(sl_state_t *state, sl_scratch_t *scratch, uint32_t target);
#else
#define SL_REPLAYING(state) ((void)(state), 0u)
#endif

/* The key of the noise of a learning step; a replay has another than its sample. */
static inline uint32_t sl_step_key(const sl_state_t *state) {
    const uint32_t key = sl_noise_key(state->seed, sl_time_counter(state));
    const uint32_t k = SL_REPLAYING(state);
    return k == 0 ? key : sl_noise_word(key, SL_STREAM_REPLAY, k * SL_REPLAY_WORDS);
}
