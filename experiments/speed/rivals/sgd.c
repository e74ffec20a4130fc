/* See sl_learner.h. What follows is what one writes who wants SGD and nothing else: a row of
 * weights for each input, a row of zeros left out. */
#include "sl_learner.h"

#pragma STDC FP_CONTRACT ON

#if RIVAL_FIXED
#define ONE ((sl_number_t)65536)

static sl_number_t times(sl_number_t a, sl_number_t b) {
    return (sl_number_t)(((int64_t)a * b) >> 16);
}

static sl_number_t over(sl_number_t a, sl_number_t b) {
    return (sl_number_t)(((int64_t)a << 16) / b);
}

/* e^x for x <= 0: a shift for the whole part of x/ln 2, a parabola for the rest. */
static sl_number_t exp_of(sl_number_t x) {
    const sl_number_t t = times(-x, 94548);
    const sl_number_t f = t & 65535;
    const sl_number_t power = ONE - times(f, 43980 - times(f, 11212));
    return t >= 16 * ONE ? 0 : power >> (t >> 16);
}

/* binary32 to Q16.16, cut towards zero; 0 for what is not finite, clamped. */
static sl_number_t number_of(uint32_t bits) {
    const int32_t exponent = (int32_t)((bits >> 23) & 255u) - 127;
    const int32_t mantissa = (int32_t)((bits & 0x7FFFFFu) | 0x800000u);
    int32_t size = 0;
    if (exponent >= 15) {
        size = exponent == 128 ? 0 : INT32_MAX;
    } else if (exponent >= 7) {
        size = mantissa << (exponent - 7);
    } else if (exponent >= -16) {
        size = mantissa >> (7 - exponent);
    }
    return (bits >> 31) != 0u ? -size : size;
}
#else
#define ONE 1.0f

static sl_number_t times(sl_number_t a, sl_number_t b) {
    return a * b;
}

static sl_number_t over(sl_number_t a, sl_number_t b) {
    return a / b;
}

/* e^x for x <= 0, to a few units in the last place: no library on a bare chip. */
static sl_number_t exp_of(sl_number_t x) {
    if (x < -80.0f) {
        return 0.0f;
    }
    const float t = x * 1.44269504f;
    const int32_t whole = (int32_t)t;
    const float f = (t - (float)whole) * 0.693147181f;
    union {
        uint32_t bits;
        float value;
    } scale = {(uint32_t)(whole + 127) << 23};
    const float fifth = 1.0f / 24.0f + f * (1.0f / 120.0f + f * (1.0f / 720.0f));
    return scale.value * (1.0f + f * (1.0f + f * (0.5f + f * (1.0f / 6.0f + f * fifth))));
}

static sl_number_t number_of(uint32_t bits) {
    union {
        uint32_t bits;
        float value;
    } x = {bits};
    return x.value;
}
#endif

static int32_t forward(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    sl_number_t *a = scratch->a;
    sl_number_t *z = scratch->z;
    for (uint32_t j = 0; j < RIVAL_HIDDEN; j++) {
        a[j] = 0;
    }
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const sl_number_t x = number_of(x_bits[i]);
        scratch->x[i] = x;
        if (x != 0) {
            const sl_number_t *row = state->hidden[i];
            for (uint32_t j = 0; j < RIVAL_HIDDEN; j++) {
                a[j] += times(x, row[j]);
            }
        }
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        z[k] = 0;
    }
    for (uint32_t j = 0; j < RIVAL_HIDDEN; j++) {
        if (a[j] > 0) {
            for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
                z[k] += times(a[j], state->output[j][k]);
            }
        } else {
            a[j] = 0;
        }
    }
    uint32_t best = 0;
    for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
        best = z[k] > z[best] ? k : best;
    }
    return (int32_t)best;
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    return forward(state, scratch, x_bits);
}

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t label) {
    if (label >= SL_N_CLASSES) {
        return SL_ERR_LABEL;
    }
    const int32_t best = forward(state, scratch, x_bits);
    const sl_number_t *a = scratch->a;
    sl_number_t *z = scratch->z;
    const sl_number_t top = z[best];
    sl_number_t total = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        z[k] = exp_of(z[k] - top);
        total += z[k];
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        z[k] = over(z[k], total);
    }
    z[label] -= ONE;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        z[k] = times(z[k], ONE / RIVAL_STEPS);
    }
    for (uint32_t j = 0; j < RIVAL_HIDDEN; j++) {
        sl_number_t g = 0;
        if (a[j] > 0) {
            sl_number_t *row = state->output[j];
            for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
                g += times(z[k], row[k]);
                row[k] -= times(a[j], z[k]);
            }
        }
        scratch->g[j] = g;
    }
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const sl_number_t x = scratch->x[i];
        if (x != 0) {
            sl_number_t *row = state->hidden[i];
            for (uint32_t j = 0; j < RIVAL_HIDDEN; j++) {
                row[j] -= times(x, scratch->g[j]);
            }
        }
    }
    return best;
}

void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words) {
    (void)state;
    (void)scratch;
    for (uint32_t i = 0; i < SL_HEALTH_WORDS; i++) {
        words[i] = 0;
    }
}

#ifdef SL_HOST
/* Test, then train, on n samples. */
__attribute__((visibility("default"))) void rival_learn(sl_state_t *state, sl_scratch_t *scratch,
                                                        const uint32_t *x_bits,
                                                        const uint32_t *labels, uint64_t n,
                                                        int32_t *predictions) {
    for (uint64_t t = 0; t < n; t++) {
        predictions[t] = sl_learner_learn(state, scratch, x_bits + t * SL_N_FEATURES, labels[t]);
    }
}
#endif
