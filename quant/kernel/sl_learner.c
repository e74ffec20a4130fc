/* The learner: front end, rule, head. The order of things is the same for all of them. */
#include <stddef.h>

#include "sl_learner.h"
#include "sl_average.h"
#include "sl_float.h"
#include "sl_front_end.h"
#include "sl_head.h"
#include "sl_memory.h"
#include "sl_parts.h"
#include "sl_replay.h"
#include "sl_time.h"

static uint32_t sl_finite(const uint32_t *x_bits) {
    uint32_t largest = 0; /* without its sign: what is not finite is larger than all numbers */
    SL_UNROLL_FOUR
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        largest = x_bits[i] << 1 > largest ? x_bits[i] << 1 : largest;
    }
    return sl_is_finite(largest >> 1);
}

/* What comes before the rule's forward pass. Returns a negative status of a sample that is refused.
 */
static int32_t sl_learner_see(const sl_state_t *state, sl_scratch_t *scratch,
                              const uint32_t *x_bits) {
    if (!SL_AHEAD(scratch)) {
        if (!sl_finite(x_bits)) {
            return SL_ERR_NOT_FINITE;
        }
        sl_front_end_update(state, scratch, x_bits);
        sl_time_arrive(state, scratch);
    }
#if SL_REPLAY_CAPACITY
    sl_replay_note(scratch);
#endif
    return SL_OK;
}

/* What comes behind it. */
static int32_t sl_learner_answer(const sl_state_t *state, sl_scratch_t *scratch,
                                 const uint32_t *x_bits, int32_t largest) {
    const int32_t predicted = sl_head_predict(state, scratch, largest);
    return predicted < 0 ? predicted : sl_memory_predict(state, scratch, x_bits, predicted);
}

static int32_t sl_learner_forward(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits) {
    const int32_t status = sl_learner_see(state, scratch, x_bits);
    return status < 0 ? status
                      : sl_learner_answer(state, scratch, x_bits, sl_rule_forward(state, scratch));
}

/* Nobody has looked ahead: a scratch may begin with anything. */
SL_FOLD void sl_learner_begin(sl_scratch_t *scratch) {
    SL_FORGET_AHEAD(scratch);
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    sl_learner_begin(scratch);
    sl_average_show(scratch, 1);
    sl_time_begin(scratch, 0);
    return sl_learner_forward(state, scratch, x_bits);
}

int32_t sl_learner_predict_mean(const sl_state_t *state, sl_scratch_t *scratch,
                                const uint32_t *x_bits) {
    sl_learner_begin(scratch);
    sl_average_show(scratch, 1);
    sl_time_begin(scratch, 0);
    const int32_t status = sl_learner_see(state, scratch, x_bits);
    return status < 0
               ? status
               : sl_learner_answer(state, scratch, x_bits, sl_rule_forward_mean(state, scratch));
}

int32_t sl_learner_recall(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    return sl_finite(x_bits) ? sl_memory_recall(state, scratch, x_bits) : SL_ERR_NOT_FINITE;
}

#ifdef SL_HAS_ASK
enum { SL_ASK_LIMIT = 8 << 16, SL_ASK_STEP = 1 << 14, SL_ASK_PATIENCE = 3 };

/* By how much the least certain draw prefers the class of the largest sum; of those taught. */
static int32_t sl_margin(const sl_state_t *state, const sl_scratch_t *scratch) {
    int32_t best = -1, n = 0;
    for (int32_t k = 0; k < SL_N_CLASSES; k++) {
        if (sl_is_taught(state, (uint32_t)k)) {
            best = best < 0 || scratch->logit_sum[k] > scratch->logit_sum[best] ? k : best;
            n++;
        }
    }
    int32_t least = n < 2 ? 0 : SL_ASK_LIMIT;
    for (int32_t k = 0; n >= 2 && k < SL_N_CLASSES; k++) {
        for (uint32_t s = 0; k != best && sl_is_taught(state, (uint32_t)k) && s < SL_N_DRAWS; s++) {
            const int32_t by =
                SL_DRAWN(scratch, (uint32_t)best * L + s) - SL_DRAWN(scratch, (uint32_t)k * L + s);
            least = by < least ? by : least;
        }
    }
    return sl_max32(least, -SL_ASK_LIMIT);
}

uint32_t sl_learner_asks(const sl_state_t *state, const sl_scratch_t *scratch, int32_t up,
                         sl_asking_t *asking) {
    if (up == 0) {
        return 1;
    }
    const uint32_t late = asking->quiet >= SL_ASK_PATIENCE * (SL_ASK_STEP + up) / up;
    const uint32_t asks = late || sl_margin(state, scratch) < SL_ASK_LIMIT - asking->fallen;
    const int32_t fallen = asking->fallen + (asks ? SL_ASK_STEP : -up);
    asking->fallen = sl_clamp32(fallen, 0, 2 * SL_ASK_LIMIT - 1);
    asking->quiet = asks ? 0 : asking->quiet + 1;
    return asks;
}
#endif

/* Let the front end see the next sample, if it can be learned. Returns whether it has. */
static uint32_t sl_learner_look_ahead(sl_state_t *state, sl_scratch_t *scratch,
                                      const uint32_t *next, uint32_t next_target) {
#if SL_LOOKS_AHEAD
    if (next && sl_head_check_target(next_target) >= 0 && sl_finite(next)) {
        sl_front_end_commit(state, scratch);
        sl_rule_look_ahead(scratch);
        state->n_samples++;
        sl_front_end_update(state, scratch, next);
        state->n_samples--;
        return 1;
    }
#else
    (void)state;
    (void)scratch;
    (void)next;
    (void)next_target;
#endif
    return 0;
}

SL_FOLD int32_t sl_learner_step(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                uint32_t target, const uint32_t *next, uint32_t next_target) {
    const int32_t status = sl_head_check_target(target);
    if (status < 0) {
        return status;
    }
    sl_average_show(scratch, 0);
    sl_time_begin(scratch, 1);
    int32_t predicted = sl_learner_forward(state, scratch, x_bits);
    if (predicted < 0) {
        return predicted;
    }
    sl_head_target(state, scratch, target);
    sl_head_commit(state, scratch, target);
    sl_memory_update(state, scratch, x_bits, target);
    const uint32_t ahead = sl_learner_look_ahead(state, scratch, next, next_target);
    sl_rule_update(state, scratch, target);
    sl_average_follow(state);
    if (!ahead) {
        sl_front_end_commit(state, scratch);
    }
    sl_time_commit(state, scratch);
#if SL_REPLAY_CAPACITY
    sl_replay(state, scratch, target);
#endif
    state->n_samples++;
    return predicted;
}

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t target) {
    sl_learner_begin(scratch);
    return sl_learner_step(state, scratch, x_bits, target, NULL, 0);
}

int32_t sl_learner_advance(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    const int32_t predicted = sl_learner_predict(state, scratch, x_bits);
    if (predicted >= 0) {
        sl_time_pass(state, scratch);
    }
    return predicted;
}

void sl_learner_reset(sl_state_t *state) {
    sl_time_reset(state);
}

#ifdef SL_HOST
int32_t sl_learner_learn_before(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                uint32_t target, const uint32_t *next, uint32_t next_target,
                                uint32_t was_next) {
    if (!was_next) {
        sl_learner_begin(scratch);
    }
    return sl_learner_step(state, scratch, x_bits, target, next, next_target);
}
#endif
