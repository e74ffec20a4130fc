/* For Frama-C: any state that a board takes, any scratch, any sample, any target. */
#include "sl_learner.h"

int32_t sl_learner_check(const sl_state_t *state);

/*@ assigns ((char *)at)[0 .. size - 1] \from \nothing;
    ensures \initialized(((char *)at) + (0 .. size - 1)); */
void any_bytes(void *at, uint32_t size);

static volatile uint32_t any_word;
static sl_state_t state;
static sl_scratch_t scratch;
static uint32_t sample[SL_N_FEATURES], health[SL_HEALTH_WORDS];

static void fresh(void) {
    any_bytes(&state, sizeof state);
    any_bytes(&scratch, sizeof scratch);
    any_bytes(sample, sizeof sample);
}

/* Two calls, so that what is known of the target is known inside. */
static void learn(void) {
    const uint32_t target = any_word;
    fresh();
    if (sl_learner_check(&state) == 0) {
        return;
    }
    if (target < SL_N_CLASSES) {
        (void)sl_learner_learn(&state, &scratch, sample, target);
    } else {
        (void)sl_learner_learn(&state, &scratch, sample, target);
    }
}

static void read(void) {
    fresh();
    if (sl_learner_check(&state) == 0) {
        return;
    }
    (void)sl_learner_predict_mean(&state, &scratch, sample);
    sl_learner_health(&state, &scratch, health);
}

int main(void) {
    learn();
    read();
    return 0;
}
