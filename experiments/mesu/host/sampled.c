/* MESU in float32 with one hidden layer, by drawn weights as the authors have it, or by drawn
 * pre-activations with and without the noise that sigma's gradient has under drawn weights.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include <string.h>

#include "draws.h" /* and of sizes.h SWEEP */

#pragma clang fp contract(fast) reassociate(on)

enum { WEIGHTS, LOCAL, NOISY };
enum { V = LANES };

typedef struct {
    float pull, prior; /* SWEEP/(N sigma_prior^2), sigma_prior^2 */
} prior_t;

static vector_t root(vector_t v) {
    return __builtin_elementwise_sqrt(v);
}

/* What a sample does to some weights: w is the gradient by mu, q that by sigma. */
static void step(float *mu, float *sigma, vector_t w, vector_t q) {
    const vector_t d = load(sigma), v = d * d;
    store(mu, load(mu) - v * w);
    store(sigma, d + d * between(all(-0.5f) * d * q, -0.25f, 0.5f));
}

static void pull_row(float *mu, float *sigma, prior_t prior, int n) {
    for (int j = 0; j < n; j++) {
        const float v = sigma[j] * sigma[j], share = prior.pull * v;
        mu[j] -= (share < 1 ? share : 1) * mu[j];
        sigma[j] += 0.5f * prior.pull * sigma[j] * (prior.prior - v);
    }
}

typedef struct {
    uint32_t first[INPUTS][DRAWS], last[DRAWS][HIDDEN]; /* where a row's normals start */
    float hidden[DRAWS][COLUMNS], noise[DRAWS][COLUMNS], delta[DRAWS][COLUMNS];
    float spread[COLUMNS];
    float out[DRAWS][WIDE], ratio[DRAWS][WIDE];
} scratch_t;

/* Units of a tile: a = x mu + sum x sigma epsilon, with epsilon drawn for every weight. */
static void drawn_tile(const float (*mu)[COLUMNS], const float (*sigma)[COLUMNS], const float *x,
                       const float *table, scratch_t *t, int j) {
    vector_t mean = {0}, sum[DRAWS] = {0};
    for (int i = 0; i < INPUTS; i++) {
        const vector_t scaled = x[i] * load(&sigma[i][j]);
        mean += x[i] * load(&mu[i][j]);
#pragma clang loop unroll(full)
        for (int s = 0; s < DRAWS; s++) {
            sum[s] += scaled * load(table + t->first[i][s] + j);
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        store(&t->hidden[s][j], mean + sum[s]);
    }
}

/* The same with epsilon drawn for every unit. */
static void local_tile(const float (*mu)[COLUMNS], const float (*sigma)[COLUMNS], const float *x,
                       scratch_t *t, int j) {
    vector_t mean = {0}, power = {0};
    for (int i = 0; i < INPUTS; i++) {
        const vector_t scaled = x[i] * load(&sigma[i][j]);
        mean += x[i] * load(&mu[i][j]);
        power += scaled * scaled;
    }
    const vector_t spread = root(power);
    store(&t->spread[j], spread);
    for (int s = 0; s < DRAWS; s++) {
        store(&t->hidden[s][j], mean + spread * load(&t->noise[s][j]));
    }
}

/* The last layer in a draw, and its softmax: out becomes delta / DRAWS, ratio delta epsilon /
 * spread. */
static void outputs(int mode, const float (*mu)[WIDE], const float (*sigma)[WIDE],
                    const float *table, scratch_t *t, int s, uint64_t *word, int64_t label) {
    float *a = t->out[s];
    for (int k = 0; k < WIDE; k += V) {
        vector_t mean = {0}, power = {0};
        for (int i = 0; i < HIDDEN; i++) {
            const float h = t->hidden[s][i];
            if (h > 0) {
                const vector_t d = h * load(&sigma[i][k]);
                mean += h * load(&mu[i][k]);
                if (mode == WEIGHTS) {
                    mean += d * load(table + t->last[s][i] + k);
                } else {
                    power += d * d;
                }
            }
        }
        store(a + k, mean);
        store(&t->ratio[s][k], root(power));
    }
    float top = a[0], total = 0, noise[WIDE];
    if (mode != WEIGHTS) {
        memcpy(noise, table + next_word(word), sizeof noise);
    }
    for (int k = 0; k < OUTPUTS; k++) {
        a[k] += mode == WEIGHTS ? 0 : t->ratio[s][k] * noise[k];
        top = a[k] > top ? a[k] : top;
    }
    for (int k = 0; k < WIDE; k++) {
        a[k] = k < OUTPUTS ? __builtin_expf(a[k] - top) : 0;
        total += a[k];
    }
    for (int k = 0; k < WIDE; k++) {
        a[k] = (a[k] / total - (k == label)) / DRAWS;
        const float spread = t->ratio[s][k];
        t->ratio[s][k] = mode != WEIGHTS && spread > 0 ? a[k] * noise[k] / spread : 0;
    }
}

/* The gradient by the hidden pre-activations. */
static void backward(int mode, const float (*mu)[WIDE], const float (*sigma)[WIDE],
                     const float *table, scratch_t *t) {
    memset(t->delta, 0, sizeof t->delta);
    for (int s = 0; s < DRAWS; s++) {
        for (int i = 0; i < HIDDEN; i++) {
            const float h = t->hidden[s][i];
            if (h <= 0) {
                continue;
            }
            vector_t sum = {0};
            for (int k = 0; k < WIDE; k += V) {
                const vector_t d = load(&sigma[i][k]), delta = load(&t->out[s][k]);
                sum += delta * load(&mu[i][k]);
                sum += mode == WEIGHTS ? delta * d * load(table + t->last[s][i] + k)
                                       : h * d * d * load(&t->ratio[s][k]);
            }
            for (int k = 0; k < V; k++) {
                t->delta[s][i] += sum[k];
            }
        }
    }
}

static void update_last(int mode, float (*mu)[WIDE], float (*sigma)[WIDE], const float *table,
                        const scratch_t *t) {
    for (int i = 0; i < HIDDEN; i++) {
        for (int k = 0; k < WIDE; k += V) {
            vector_t g = {0}, q = {0}, squares = {0};
            for (int s = 0; s < DRAWS; s++) {
                const float h = t->hidden[s][i];
                if (h <= 0) {
                    continue;
                }
                const vector_t gradient = h * load(&t->out[s][k]);
                g += gradient;
                if (mode == WEIGHTS) {
                    q += gradient * load(table + t->last[s][i] + k);
                } else {
                    q += h * h * load(&t->ratio[s][k]) * load(&sigma[i][k]);
                    squares += gradient * gradient;
                }
            }
            if (mode == NOISY) {
                q += root(squares) * load(table + t->last[0][i] + k);
            }
            step(&mu[i][k], &sigma[i][k], g, q);
        }
    }
}

static void update_tile(int mode, float (*mu)[COLUMNS], float (*sigma)[COLUMNS], const float *x,
                        const float *table, const scratch_t *t, int j) {
    vector_t g = {0}, r = {0}, size = {0}, delta[DRAWS];
    const vector_t spread = load(&t->spread[j]);
    for (int s = 0; s < DRAWS; s++) {
        delta[s] = load(&t->delta[s][j]);
        g += delta[s];
        size += delta[s] * delta[s];
        r += delta[s] * load(&t->noise[s][j]);
    }
    size = root(size);
    r /= __builtin_elementwise_max(spread, all(1e-30f));
    for (int i = 0; i < INPUTS; i++) {
        vector_t q = {0};
        if (mode == WEIGHTS) {
#pragma clang loop unroll(full)
            for (int s = 0; s < DRAWS; s++) {
                q += delta[s] * load(table + t->first[i][s] + j);
            }
        } else {
            q = x[i] * load(&sigma[i][j]) * r;
            if (mode == NOISY) {
                q += size * load(table + t->first[i][0] + j);
            }
        }
        step(&mu[i][j], &sigma[i][j], x[i] * g, x[i] * q);
    }
}

static void learn_one(int mode, float (*mu)[COLUMNS], float (*sigma)[COLUMNS],
                      float (*last_mu)[WIDE], float (*last_sigma)[WIDE], const float *x,
                      int64_t label, const float *table, uint64_t word, scratch_t *t) {
    for (int i = 0; i < INPUTS; i++) {
        for (int s = 0; s < (mode == WEIGHTS ? DRAWS : mode == NOISY); s++) {
            t->first[i][s] = (uint32_t)next_word(&word);
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        for (int i = 0; i < HIDDEN; i++) {
            t->last[s][i] = (uint32_t)next_word(&word);
        }
        memcpy(t->noise[s], table + next_word(&word), sizeof t->noise[s]);
    }
    for (int j = 0; j < COLUMNS; j += V) {
        if (mode == WEIGHTS) {
            drawn_tile(mu, sigma, x, table, t, j);
        } else {
            local_tile(mu, sigma, x, t, j);
        }
    }
    for (int s = 0; s < DRAWS; s++) {
        outputs(mode, last_mu, last_sigma, table, t, s, &word, label);
    }
    backward(mode, last_mu, last_sigma, table, t);
    update_last(mode, last_mu, last_sigma, table, t);
    for (int j = 0; j < COLUMNS; j += V) {
        update_tile(mode, mu, sigma, x, table, t, j);
    }
}

/* Every sample once, in order; `seen` were learned before. Columns beyond the units are 0. */
__attribute__((visibility("default"))) void
learn(int32_t mode, float (*mu)[COLUMNS], float (*sigma)[COLUMNS], float (*last_mu)[WIDE],
      float (*last_sigma)[WIDE], const float (*images)[INPUTS], const int64_t *labels, int64_t n,
      const float *table, uint64_t seed, int64_t seen, const prior_t *priors) {
    static scratch_t scratch;
    for (int64_t k = 0; k < n; k++, seen++) {
        const uint64_t word = first_word(seed, seen);
        switch (mode) { /* so that each is compiled by itself */
        case WEIGHTS:
            learn_one(WEIGHTS, mu, sigma, last_mu, last_sigma, images[k], labels[k], table, word,
                      &scratch);
            break;
        case LOCAL:
            learn_one(LOCAL, mu, sigma, last_mu, last_sigma, images[k], labels[k], table, word,
                      &scratch);
            break;
        default:
            learn_one(NOISY, mu, sigma, last_mu, last_sigma, images[k], labels[k], table, word,
                      &scratch);
        }
        for (int64_t i = (SWEEP - seen % SWEEP) % SWEEP; i < INPUTS; i += SWEEP) {
            pull_row(mu[i], sigma[i], priors[0], COLUMNS);
        }
        for (int64_t i = (SWEEP - (INPUTS + seen) % SWEEP) % SWEEP; i < HIDDEN; i += SWEEP) {
            pull_row(last_mu[i], last_sigma[i], priors[1], WIDE);
        }
    }
}
