/* The memory beside the network, and the pool of both; golden model: quant/memory/golden.py. */
#include "sl_memory.h"
#include "sl_exp2.h"
#include "sl_memory_class.h"
#include "sl_memory_features.h"
#include "sl_memory_real.h"

/* Whether a class may be answered: one that was taught, or any as long as none was. */
static uint32_t sl_none_taught(const sl_state_t *state) {
    uint32_t any = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        any |= state->memory_seen[k];
    }
    return any == 0;
}

static uint32_t sl_best(const sl_state_t *state, const float *log) {
    const uint32_t none = sl_none_taught(state);
    uint32_t best = SL_N_CLASSES;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        if ((none || state->memory_seen[k]) && (best == SL_N_CLASSES || log[k] > log[best])) {
            best = k;
        }
    }
    return best;
}

/* Scores become log-probabilities of the candidates, each at least `low`. */
static void sl_log_softmax(const sl_state_t *state, float *score, float low) {
    const uint32_t none = sl_none_taught(state);
    const float top = score[sl_best(state, score)];
    float sum = 0.0f;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        const float behind = score[k] - top; /* NaN, of a state that no learner comes to: least */
        score[k] = behind > SL_MEMORY_SCORE_MIN ? sl_clamp(behind, SL_MEMORY_SCORE_MIN, 0.0f)
                                                : SL_MEMORY_SCORE_MIN;
        sum += none || state->memory_seen[k] ? sl_exp(score[k]) : 0.0f;
    }
    const float log = sl_memory_log(sum);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        score[k] = sl_memory_max(score[k] - log, low);
    }
}

static void sl_own(const sl_state_t *state, sl_memory_scratch_t *memory, const uint32_t *x_bits) {
    float *own = memory->log[SL_MEMORY_OWN];
    sl_memory_columns(state, memory, x_bits);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        own[k] = 0.0f;
    }
    if (!sl_none_taught(state)) {
        sl_memory_scores(state, memory->column, own);
        sl_log_softmax(state, own, SL_MEMORY_LOG_MIN);
    }
}

/* 2^-(x/65536), to 1/256 of an octave. A build takes this one or the next. */
static __attribute__((unused)) float sl_softened(int32_t log2_temperature) {
    const int32_t whole = (65535 - log2_temperature) >> 16;
    const uint32_t at = (uint32_t)(whole * 65536 + log2_temperature) >> 8;
    return (float)sl_exp2(at) * sl_float_of((uint32_t)(whole + 112) << 23);
}

/* 2^-x, of x from -4 on. */
static __attribute__((unused)) float sl_softened_real(float log2_temperature) {
    return 16.0f * sl_exp(-(log2_temperature + 4.0f) * 0.693147181f);
}

int32_t sl_memory_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                          int32_t predicted) {
    (void)predicted; /* by the network alone */
    sl_memory_scratch_t *memory = &scratch->memory;
    float *net = memory->log[SL_MEMORY_NET], *pooled = memory->log[SL_MEMORY_POOLED];
    const float unit = SL_MEMORY_LOGIT_UNIT / SL_N_DRAWS * SL_SOFTENED(state);
    const uint32_t none = sl_none_taught(state);
    SL_MEMORY_LOGIT top = scratch->logit_sum[0];
    for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
        top = scratch->logit_sum[k] > top ? (SL_MEMORY_LOGIT)scratch->logit_sum[k] : top;
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        net[k] = none ? 0.0f : (float)((SL_MEMORY_LOGIT)scratch->logit_sum[k] - top) * unit;
    }
    sl_own(state, memory, x_bits);
    sl_log_softmax(state, net, SL_MEMORY_LOG_MIN);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        pooled[k] = state->memory_net * net[k] + state->memory_own * memory->log[SL_MEMORY_OWN][k];
    }
    sl_log_softmax(state, pooled, SL_MEMORY_SCORE_MIN);
    memory->trusted = state->memory_lead >= SL_MEMORY_LEAD_MIN;
    return (int32_t)sl_best(state, memory->trusted ? pooled : net);
}

int32_t sl_memory_recall(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    sl_own(state, &scratch->memory, x_bits);
    return (int32_t)sl_best(state, scratch->memory.log[SL_MEMORY_OWN]);
}

/* A step of an exponent up the gradient of log p(target). */
static float sl_exponent(const sl_state_t *state, const float *pooled, const float *log,
                         uint32_t target, float exponent) {
    float mean = 0.0f;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        mean += (state->memory_seen[k] ? sl_exp(pooled[k]) : 0.0f) * log[k];
    }
    const float step = SL_MEMORY_RATE * (log[target] - mean);
    return sl_clamp(exponent + step, 0.0f, SL_MEMORY_EXPONENT_MAX);
}

static void sl_learn_pool(sl_state_t *state, const sl_memory_scratch_t *memory, uint32_t target) {
    const float *net = memory->log[SL_MEMORY_NET], *pooled = memory->log[SL_MEMORY_POOLED];
    const float *own = memory->log[SL_MEMORY_OWN];
    state->memory_net = sl_exponent(state, pooled, net, target, state->memory_net);
    state->memory_own = sl_exponent(state, pooled, own, target, state->memory_own);
    const float right = sl_best(state, pooled) == target ? 1.0f : 0.0f;
    const float other = sl_best(state, net) == target ? 1.0f : 0.0f;
    state->memory_lead += (right - other - state->memory_lead) * SL_MEMORY_LEAD_RATE;
}

void sl_memory_update(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                      uint32_t target) {
    if (state->memory_seen[target]) {
        sl_learn_pool(state, &scratch->memory, target);
    }
    sl_memory_learn_class(state, &scratch->memory, target);
    sl_memory_learn_scale(state, x_bits);
}
