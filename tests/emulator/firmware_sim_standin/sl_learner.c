/* The stand-in learner; SL_TEST_* switches turn it into the misbehaving ones of the tests. */
#include "sl_learner.h"

#define ONE_Q 256

/* float32 bits -> Q7.8, truncated towards zero, saturated; 0 when not finite. */
static int32_t to_q(uint32_t bits, int16_t *out) {
    const int32_t exponent = (int32_t)((bits >> 23) & 255u) - 127;
    const uint32_t mantissa = (bits & 0x7FFFFFu) | 0x800000u;
    int32_t value;
    if (exponent == 128) {
        return 0;
    }
    if (exponent < -9) {
        value = 0;
    } else if (exponent >= 7) {
        value = 32767;
    } else {
        value = (int32_t)(mantissa >> (15 - exponent));
    }
    *out = (int16_t)((bits >> 31) != 0u ? -value : value);
    return 1;
}

static int32_t load(sl_scratch_t *scratch, const uint32_t *x_bits) {
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        if (to_q(x_bits[i], &scratch->x[i]) == 0) {
            return 0;
        }
    }
    scratch->x[SL_N_FEATURES] = ONE_Q;
    return 1;
}

static int32_t best(const sl_state_t *state, const sl_scratch_t *scratch) {
    int32_t winner = 0;
    int32_t high = INT32_MIN;
    for (int32_t c = 0; c < SL_N_CLASSES; c++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i <= SL_N_FEATURES; i++) {
            sum += (scratch->x[i] * state->weight[c][i]) >> 8;
        }
        if (sum > high) {
            high = sum;
            winner = c;
        }
    }
    return winner;
}

static void add(int16_t *weight, int32_t step) {
    int32_t sum = *weight + step;
    sum = sum > 32767 ? 32767 : sum;
    *weight = (int16_t)(sum < -32768 ? -32768 : sum);
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    return load(scratch, x_bits) != 0 ? best(state, scratch) : SL_ERR_NOT_FINITE;
}

#ifdef SL_TEST_EXTRA_STACK
/* Uses this many bytes of stack, for the test that the high-water mark moves. */
__attribute__((noinline)) static int32_t deep(uint32_t seed) {
    volatile uint8_t pad[SL_TEST_EXTRA_STACK];
    int32_t sum = 0;
    for (uint32_t i = 0; i < SL_TEST_EXTRA_STACK; i++) {
        pad[i] = (uint8_t)(seed + i);
    }
    for (uint32_t i = 0; i < SL_TEST_EXTRA_STACK; i++) {
        sum += pad[i];
    }
    return sum;
}
#endif

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label) {
    if (label >= SL_N_CLASSES) {
        return SL_ERR_LABEL;
    }
    if (load(scratch, x_bits) == 0) {
        return SL_ERR_NOT_FINITE;
    }
#ifdef SL_TEST_UNMAPPED
    *(volatile uint32_t *)0x60000000u = label;
#endif
#ifdef SL_TEST_HANG
    for (volatile uint32_t spin = 0;; spin++) {
    }
#endif
#ifdef SL_TEST_EXTRA_STACK
    state->samples += (uint32_t)(deep(label) >> 30);
#endif
#ifdef SL_TEST_STRAIGHT
    /* Straight-line code longer than any translation block. */
    {
        volatile uint32_t *word = (volatile uint32_t *)scratch;
#define TEN(x) x x x x x x x x x x
        TEN(TEN(TEN(*word += 3u;)))(void) load(scratch, x_bits);
    }
#endif
#ifdef SL_TEST_FLOAT
    {
        volatile float a = 1.5f;
        a = a * a;
        state->samples += (uint32_t)(a > 4.0f);
    }
#endif
    const int32_t guess = best(state, scratch);
    state->samples++;
    if (guess != (int32_t)label) {
        for (uint32_t i = 0; i <= SL_N_FEATURES; i++) {
            add(&state->weight[label][i], scratch->x[i] >> 2);
            add(&state->weight[guess][i], -(scratch->x[i] >> 2));
        }
    }
    return guess;
}

/* Words that the host can tell apart. */
void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words) {
    (void)scratch;
    words[0] = state->samples;
    words[1] = (uint32_t)-65536;
    for (uint32_t i = 2; i < SL_HEALTH_WORDS; i++) {
        words[i] = i;
    }
}
