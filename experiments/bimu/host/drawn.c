/* BiMU in float32 with one hidden layer, as published: weights drawn for every synapse, LayerNorm
 * of each draw with its whole gradient, a gate with two sides. arXiv 2605.30198.
 *
 * At temperature 1 a relaxed weight tanh(lambda + logit(u)/2) is (t + v)/(1 + t v), with
 * t = tanh lambda and v = 2u - 1; its derivative by lambda is (1 - t^2)(1 - v^2)/(1 + t v)^2. */
#include <string.h>

#include "draws.h"

#pragma clang fp contract(fast)

/* Products of as many 1 + t v, each above 2^-TABLE_BITS, are no subnormal numbers. */
_Static_assert(DRAWS *TABLE_BITS < 120, "fewer draws, or a smaller table");

typedef int32_t whole_t __attribute__((vector_size(4 * LANES)));

typedef struct {
    float lr, lr_max, kappa, likelihood, memory_window;
} rule_t;

typedef struct {
    uint32_t first[INPUTS][DRAWS], last[HIDDEN][DRAWS];   /* where a row's noise starts */
    float mean[INPUTS][COLUMNS], last_mean[HIDDEN][WIDE]; /* tanh lambda */
    float hidden[DRAWS][COLUMNS], out[DRAWS][WIDE];       /* normalised sums */
    float size[DRAWS], last_size[DRAWS];                  /* what sums were divided by */
    float delta[DRAWS][COLUMNS], last_delta[DRAWS][WIDE]; /* gradients by the sums */
} scratch_t;

/* e^x = 2^k e^r, |r| <= ln(2)/2, by the series of e^r: an error of 1e-8 beside rounding. */
static vector_t exp_of(vector_t x) {
    const vector_t y = x * 1.44269504f, k = __builtin_elementwise_roundeven(y);
    const vector_t r = (y - k) * 0.693147181f;
    vector_t e = all(1.0f / 5040);
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1;
    e = e * r + 1;
    return (vector_t)((whole_t)e + (__builtin_convertvector(k, whole_t) << 23));
}

static vector_t tanh_of(vector_t x) {
    const vector_t e = exp_of(2 * between(x, -10, 10));
    return (e - 1) / (e + 1);
}

/* v and 1/(1 + t v) of each draw, by one division. */
static inline void noise_of(vector_t t, const float *noise, const uint32_t *first, vector_t *v,
                            vector_t *inverse) {
    vector_t bottom[DRAWS], product[DRAWS];
#pragma clang loop unroll(full)
    for (int s = 0; s < DRAWS; s++) {
        v[s] = load(noise + first[s]);
        bottom[s] = t * v[s] + 1;
        product[s] = s ? product[s - 1] * bottom[s] : bottom[s];
    }
    vector_t rest = 1 / product[DRAWS - 1];
#pragma clang loop unroll(full)
    for (int s = DRAWS - 1; s > 0; s--) {
        inverse[s] = rest * product[s - 1];
        rest *= bottom[s];
    }
    inverse[0] = rest;
}

/* Relaxed weights of each draw. */
static inline void weights(vector_t t, const float *noise, const uint32_t *first, vector_t *w) {
    vector_t v[DRAWS], inverse[DRAWS];
    noise_of(t, noise, first, v, inverse);
#pragma clang loop unroll(full)
    for (int s = 0; s < DRAWS; s++) {
        w[s] = (t + v[s]) * inverse[s];
    }
}

/* Sum over the draws of delta times dw/dlambda. */
static inline vector_t gradient(vector_t t, const float *noise, const uint32_t *first,
                                const vector_t *delta) {
    vector_t v[DRAWS], inverse[DRAWS], sum = {0};
    noise_of(t, noise, first, v, inverse);
#pragma clang loop unroll(full)
    for (int s = 0; s < DRAWS; s++) {
        sum += delta[s] * (1 - v[s] * v[s]) * (inverse[s] * inverse[s]);
    }
    return sum * (1 - t * t);
}

/* What a sample does to some lambdas; `by` is the gradient of its loss. */
static inline void step(float *belief, float *mean, vector_t t, vector_t by, const rule_t *rule) {
    const vector_t g = rule->likelihood * by, pull = rule->kappa * (1 - t * t);
    const vector_t against = 2 * g * t + 2 * __builtin_elementwise_abs(g);
    const vector_t old = load(belief);
    const vector_t push = rule->lr * g + pull * old * (1 / rule->memory_window);
    const vector_t now = old - push / (pull + against + 1 / rule->lr_max);
    store(belief, now);
    store(mean, tanh_of(now));
}

/* LayerNorm of n sums, in place; returns their standard deviation. */
static float normalise(float *a, int n) {
    float mean = 0, power = 0;
    for (int j = 0; j < n; j++) {
        mean += a[j];
    }
    mean /= (float)n;
    for (int j = 0; j < n; j++) {
        a[j] -= mean;
        power += a[j] * a[j];
    }
    const float size = __builtin_sqrtf(power / (float)n + 1e-5f);
    for (int j = 0; j < n; j++) {
        a[j] /= size;
    }
    return size;
}

/* The gradient by the sums, in place of that by what `normalise` made of them. */
static void normalise_back(const float *y, float size, float *g, int n) {
    float mean = 0, along = 0;
    for (int j = 0; j < n; j++) {
        mean += g[j];
        along += g[j] * y[j];
    }
    mean /= (float)n;
    along /= (float)n;
    for (int j = 0; j < n; j++) {
        g[j] = (g[j] - mean - y[j] * along) / size;
    }
}

static float gate(float a) {
    return __builtin_fabsf(a) > 1;
}

static float slope(float a) {
    const float size = __builtin_fabsf(a);
    return size > 0.5f && size < 1.5f ? (a > 0 ? 1 : -1) : 0;
}

static void forward(const float *x, const float *noise, scratch_t *t) {
    for (int j = 0; j < COLUMNS; j += LANES) {
        vector_t sum[DRAWS] = {0};
        for (int i = 0; i < INPUTS; i++) {
            vector_t w[DRAWS];
            weights(load(&t->mean[i][j]), noise + j, t->first[i], w);
#pragma clang loop unroll(full)
            for (int s = 0; s < DRAWS; s++) {
                sum[s] += x[i] * w[s];
            }
        }
        for (int s = 0; s < DRAWS; s++) {
            store(&t->hidden[s][j], sum[s]);
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        t->size[s] = normalise(t->hidden[s], HIDDEN);
    }
    for (int k = 0; k < WIDE; k += LANES) {
        vector_t sum[DRAWS] = {0};
        for (int i = 0; i < HIDDEN; i++) {
            vector_t w[DRAWS];
            weights(load(&t->last_mean[i][k]), noise + k, t->last[i], w);
            for (int s = 0; s < DRAWS; s++) {
                sum[s] += gate(t->hidden[s][i]) * w[s];
            }
        }
        for (int s = 0; s < DRAWS; s++) {
            store(&t->out[s][k], sum[s]);
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        t->last_size[s] = normalise(t->out[s], OUTPUTS);
    }
}

/* The gradient of a draw's share of the loss by the sums of the last layer. Normalised sums are
 * small: their exponentials need no shift. */
static void outputs(scratch_t *t, int s, int64_t label) {
    float *delta = t->last_delta[s], total = 0;
    for (int k = 0; k < WIDE; k += LANES) {
        store(delta + k, exp_of(load(&t->out[s][k])));
    }
    for (int k = 0; k < OUTPUTS; k++) {
        total += delta[k];
    }
    for (int k = 0; k < WIDE; k++) {
        delta[k] = k < OUTPUTS ? (delta[k] / total - (k == label)) / DRAWS : 0;
    }
    normalise_back(t->out[s], t->last_size[s], delta, OUTPUTS);
}

/* The gradient by the hidden sums. */
static void backward(const float *noise, scratch_t *t) {
    memset(t->delta, 0, sizeof t->delta);
    for (int i = 0; i < HIDDEN; i++) {
        vector_t sum[DRAWS] = {0};
        for (int k = 0; k < WIDE; k += LANES) {
            vector_t w[DRAWS];
            weights(load(&t->last_mean[i][k]), noise + k, t->last[i], w);
            for (int s = 0; s < DRAWS; s++) {
                sum[s] += load(&t->last_delta[s][k]) * w[s];
            }
        }
        for (int s = 0; s < DRAWS; s++) {
            for (int k = 0; k < LANES; k++) {
                t->delta[s][i] += slope(t->hidden[s][i]) * sum[s][k];
            }
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        normalise_back(t->hidden[s], t->size[s], t->delta[s], HIDDEN);
    }
}

static void update(float (*belief)[COLUMNS], float (*last)[WIDE], const float *x,
                   const float *noise, const rule_t *rule, scratch_t *t) {
    vector_t delta[DRAWS];
    for (int j = 0; j < COLUMNS; j += LANES) {
        for (int s = 0; s < DRAWS; s++) {
            delta[s] = load(&t->delta[s][j]);
        }
        for (int i = 0; i < INPUTS; i++) {
            const vector_t mean = load(&t->mean[i][j]);
            const vector_t by = x[i] * gradient(mean, noise + j, t->first[i], delta);
            step(&belief[i][j], &t->mean[i][j], mean, by, rule);
        }
    }
    for (int k = 0; k < WIDE; k += LANES) {
        for (int i = 0; i < HIDDEN; i++) {
            for (int s = 0; s < DRAWS; s++) {
                delta[s] = gate(t->hidden[s][i]) * load(&t->last_delta[s][k]);
            }
            const vector_t mean = load(&t->last_mean[i][k]);
            step(&last[i][k], &t->last_mean[i][k], mean,
                 gradient(mean, noise + k, t->last[i], delta), rule);
        }
    }
}

static void means(const float *belief, float *mean, int n) {
    for (int j = 0; j < n; j += LANES) {
        store(mean + j, tanh_of(load(belief + j)));
    }
}

/* Every sample once, in order; `seen` were learned before. Columns beyond the units are 0. */
__attribute__((visibility("default"))) void learn(float (*belief)[COLUMNS], float (*last)[WIDE],
                                                  const float (*images)[INPUTS],
                                                  const int64_t *labels, int64_t n,
                                                  const float *noise, uint64_t seed, int64_t seen,
                                                  const rule_t *rule) {
    static scratch_t scratch;
    means(belief[0], scratch.mean[0], INPUTS * COLUMNS);
    means(last[0], scratch.last_mean[0], HIDDEN * WIDE);
    for (int64_t k = 0; k < n; k++) {
        uint64_t word = first_word(seed, seen + k);
        for (int row = 0; row < INPUTS + HIDDEN; row++) {
            uint32_t *first = row < INPUTS ? scratch.first[row] : scratch.last[row - INPUTS];
            for (int s = 0; s < DRAWS; s++) {
                first[s] = (uint32_t)next_word(&word);
            }
        }
        forward(images[k], noise, &scratch);
        for (int s = 0; s < DRAWS; s++) {
            outputs(&scratch, s, labels[k]);
        }
        backward(noise, &scratch);
        update(belief, last, images[k], noise, rule, &scratch);
    }
}
