/* MESU in float32: streamlearn/mesu.py, equation for equation, with the same noise.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_parts.h"

enum { S = SL_N_DRAWS, L = SL_N_LANES }; /* arrays are [unit][lane] */

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE;

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t units, float *epsilon) {
    uint32_t word = 0;
    for (uint32_t e = 0; e < units * S; e += S, epsilon += L) {
        for (uint32_t s = 0; s < S; s++) {
            word = (e + s) % 4 == 0 ? sl_noise_word(key, SL_STREAM_EPSILON + layer, (e + s) / 4)
                                    : word >> 8;
            epsilon[s] = (float)sl_epsilon_table[word & 255u] / 256.0f;
        }
        for (uint32_t s = S; s < L; s++) {
            epsilon[s] = 0;
        }
    }
}

#if SL_FACTORED
#include "sl_factored_f32.h"
#else
/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. Adds the
 * products with some of the layer's units. */
SL_INLINE void sl_add_first(const sl_layer_t *layer, const float *restrict mu,
                            const float *restrict sigma, const sl_scratch_t *scratch,
                            uint32_t units, float *restrict mean, float *restrict power) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], start = i * layer->columns;
        const float *restrict mu_row = mu + start, *restrict sigma_row = sigma + start;
        const float input = scratch->input[i];
        SL_VECTOR
        for (uint32_t j = 0; j < units; j++) {
            const float scaled = input * sigma_row[j];
            mean[j] += input * mu_row[j];
            power[j] += scaled * scaled;
        }
    }
}

SL_INLINE void sl_product_first(const sl_layer_t *layer, const sl_state_t *state,
                                const sl_scratch_t *scratch, float *mean, float *power) {
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
#ifdef SL_HOST
    for (uint32_t j = 0; j < layer->columns; j += SL_FIRST_TILE) {
        float sum[SL_FIRST_TILE] = {0};
        float squares[SL_FIRST_TILE] = {0};
        const uint32_t left = layer->columns - j;
        if (left >= SL_FIRST_TILE) {
            sl_add_first(layer, mu + j, sigma + j, scratch, SL_FIRST_TILE, sum, squares);
        } else {
            sl_add_first(layer, mu + j, sigma + j, scratch, layer->columns % SL_FIRST_TILE, sum,
                         squares);
        }
        for (uint32_t e = 0; e < SL_FIRST_TILE && e < left; e++) {
            mean[j + e] = sum[e];
            power[j + e] = squares[e];
        }
    }
#else
    for (uint32_t j = 0; j < layer->columns; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    sl_add_first(layer, mu, sigma, scratch, layer->columns, mean, power);
#endif
}

/* Later layers: one input for each draw. Adds the products with some of the layer's units. */
SL_INLINE void sl_add_later(const sl_layer_t *layer, const float *restrict mu,
                            const float *restrict sigma, const float *restrict x, uint32_t units,
                            float *restrict mean, float *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, sigma += layer->columns) {
        float square[L];
        uint32_t any = 0;
        for (uint32_t s = 0; s < L; s++) {
            square[s] = x[i * L + s] * x[i * L + s];
            any |= square[s] != 0;
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < units; j++) {
            const float m = mu[j], v = sigma[j] * sigma[j];
            for (uint32_t s = 0; s < L; s++) {
                mean[j * L + s] += m * x[i * L + s];
                power[j * L + s] += v * square[s];
            }
        }
    }
}

SL_INLINE void sl_product_later(const sl_layer_t *layer, const sl_state_t *state, const float *x,
                                float *mean, float *power) {
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
#ifdef SL_HOST
    for (uint32_t j = 0; j < layer->columns; j += SL_LATER_TILE) {
        float sum[SL_LATER_TILE * L] = {0};
        float squares[SL_LATER_TILE * L] = {0};
        const uint32_t left = layer->columns - j;
        if (left >= SL_LATER_TILE) {
            sl_add_later(layer, mu + j, sigma + j, x, SL_LATER_TILE, sum, squares);
        } else {
            sl_add_later(layer, mu + j, sigma + j, x, layer->columns % SL_LATER_TILE, sum, squares);
        }
        for (uint32_t e = 0; e < SL_LATER_TILE * L && e < left * L; e++) {
            mean[j * L + e] = sum[e];
            power[j * L + e] = squares[e];
        }
    }
#else
    for (uint32_t e = 0; e < layer->columns * L; e++) {
        mean[e] = 0;
        power[e] = 0;
    }
    sl_add_later(layer, mu, sigma, x, layer->columns, mean, power);
#endif
}

SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    float *a = scratch->block_a, *power = scratch->block_b, *mean = scratch->block_r;
    if (index == 0) {
        sl_product_first(layer, state, scratch, mean, power);
    } else {
        sl_product_later(layer, state, x, mean, power);
    }
    const float *epsilon = scratch->epsilon + layer->unit * L;
    if (index == 0) {
        for (uint32_t j = 0; j < layer->columns; j++) {
            const float centre = mean[j], spread = __builtin_sqrtf(power[j]);
            scratch->inverse_first[j] = spread > 0 ? 1.0f / spread : 0.0f;
            for (uint32_t s = 0; s < L; s++) {
                a[j * L + s] = centre + spread * epsilon[j * L + s];
            }
        }
    } else {
        float *inverse = scratch->inverse + layer->later * L;
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            const float spread = __builtin_sqrtf(power[e]);
            inverse[e] = spread > 0 ? 1.0f / spread : 0.0f;
            a[e] = mean[e] + spread * epsilon[e];
        }
    }
}

#endif

int32_t sl_mesu_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
#if SL_BIAS
    scratch->input[SL_N_FEATURES] = 1.0f;
#endif
    sl_list_active(scratch);
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noise_epsilon(key, index, layer->columns, scratch->epsilon + layer->unit * L);
        sl_forward_layer(index, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        float *hidden = scratch->hidden + sl_layers[index + 1].hidden * L;
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            hidden[e] = scratch->block_a[e] < 0 ? 0.0f : scratch->block_a[e] /* NaN passes */;
        }
#if SL_BIAS
        for (uint32_t s = 0; s < L; s++) {
            hidden[layer->columns * L + s] = 1.0f;
        }
#endif
    }
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        float sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->block_a[k * L + s];
        }
        if (!(sum > -3.0e38f && sum < 3.0e38f)) {
            return SL_ERR_DIVERGED;
        }
        scratch->logit_sum[k] = sum;
        best = sum > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}

#if !SL_GAUSSIAN
/* Softmax minus one-hot, in place of the logits; 0 in the lanes without a draw. */
static void sl_output_gradient(float *logits, uint32_t label) {
    float top[L], sum[L] = {0};
    for (uint32_t s = 0; s < L; s++) {
        top[s] = logits[s];
    }
    for (uint32_t e = L; e < SL_N_CLASSES * L; e++) {
        top[e % L] = logits[e] > top[e % L] ? logits[e] : top[e % L];
    }
    for (uint32_t e = 0; e < SL_N_CLASSES * L; e++) {
        float t = logits[e] - top[e % L];
        float power = sl_exp(t < -87.0f ? -87.0f : t);
        logits[e] = t < -87.0f ? 0.0f : power;
        sum[e % L] += logits[e];
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        for (uint32_t s = 0; s < L; s++) {
            float gradient = logits[k * L + s] / sum[s] - (k == label ? 1.0f : 0.0f);
            logits[k * L + s] = s < S ? gradient : 0.0f;
        }
    }
}
#endif

#if !SL_FACTORED
/* Gradient by the layer's inputs, masked by their ReLU. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const float *delta, const float *r, float *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = scratch->hidden + layer->hidden * L;
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, sigma += layer->columns) {
        float through_mean[L] = {0}, through_spread[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const float m = mu[j], v = sigma[j] * sigma[j];
            for (uint32_t s = 0; s < L; s++) {
                through_mean[s] += m * delta[j * L + s];
                through_spread[s] += v * r[j * L + s];
            }
        }
        for (uint32_t s = 0; s < L; s++) {
            const float h = x[i * L + s];
            below[i * L + s] = h > 0 ? through_mean[s] + h * through_spread[s] : 0.0f;
        }
    }
}

static inline float sl_clamp(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

/* The gradient's step on one row: w = x g and y = square q, q with the 1/2 of the rule for sigma.
 */
SL_INLINE void sl_update_row(float *restrict mu, float *restrict sigma, float x,
                             const float *restrict g, float square, const float *restrict q,
                             uint32_t n) {
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        float v = sigma[j] * sigma[j];
        mu[j] -= v * (x * g[j]);
        sigma[j] += sigma[j] * sl_clamp(-v * (square * q[j]), -0.25f, 0.5f);
    }
}

static void sl_pull_row(float *mu, float *sigma, const sl_layer_t *layer) {
    const float strength = SL_SWEEP_OVER_WINDOW / layer->prior_variance;
    for (uint32_t j = 0; j < layer->columns; j++) {
        float v = sigma[j] * sigma[j];
        mu[j] += SL_LR_MU * strength * v * (layer->mu_prior - mu[j]);
        sigma[j] += 0.5f * SL_LR_SIGMA * strength * sigma[j] * (layer->prior_variance - v);
    }
}

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y; g and q are
 * [lane][unit]. */
SL_INLINE void sl_row_gradient(const float *x, uint32_t columns, const float *g, const float *q,
                               float *restrict row_w, float *restrict row_y) {
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        float sum_w = 0, sum_y = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum_w += x[s] * g[s * columns + j];
            sum_y += x[s] * x[s] * q[s * columns + j];
        }
        row_w[j] = sum_w;
        row_y[j] = sum_y;
    }
}

SL_INLINE void sl_update_layer(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                               const float *delta, const float *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    float *g = scratch->block_c, *q = scratch->block_d;
    for (uint32_t j = 0; j < columns; j++) {
        float sum_delta = 0, sum_r = 0;
        for (uint32_t s = 0; s < S; s++) {
            float d = delta[j * L + s] * (SL_LR_MU / S);
            float half = r[j * L + s] * (0.5f * SL_LR_SIGMA / S);
            sum_delta += d;
            sum_r += half;
            if (index != 0) {
                g[s * columns + j] = d;
                q[s * columns + j] = half;
            }
        }
        if (index == 0) {
            g[j] = sum_delta;
            q[j] = sum_r;
        }
    }
    float *mu = state->mu + layer->synapse, *sigma = state->sigma + layer->synapse;
    const uint32_t rows = index == 0 ? scratch->n_active : layer->rows;
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = index == 0 ? scratch->active[a] : a, start = i * columns;
        if (index == 0) {
            sl_update_row(mu + start, sigma + start, x[i], g, x[i] * x[i], q, columns);
        } else {
            sl_row_gradient(&x[i * L], columns, g, q, scratch->row_w, scratch->row_y);
            sl_update_row(mu + start, sigma + start, 1.0f, scratch->row_w, 1.0f, scratch->row_y,
                          columns);
        }
    }
    uint32_t i = sl_first_pulled(layer, state->n_samples);
    for (; i < layer->rows; i += SL_SWEEP) {
        sl_pull_row(mu + i * columns, sigma + i * columns, layer);
    }
}

#endif

void sl_mesu_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label) {
    float *delta = scratch->block_a, *below = scratch->block_b;
#if SL_GAUSSIAN
    (void)label; /* is scratch.target */
    sl_gaussian_gradient(scratch, delta);
#else
    sl_output_gradient(delta, label);
#endif
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
#if SL_FACTORED
        sl_learn_layer(index, state, scratch, delta, below);
#else
        const sl_layer_t *layer = &sl_layers[index];
        float *r = scratch->block_r;
        const float *epsilon = scratch->epsilon + layer->unit * L;
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            float inverse =
                index == 0 ? scratch->inverse_first[e / L] : scratch->inverse[layer->later * L + e];
            r[e] = delta[e] * epsilon[e] * inverse;
        }
        if (index > 0) {
            sl_backward_inputs(index, state, scratch, delta, r, below);
        }
        sl_update_layer(index, state, scratch, delta, r);
#endif
        float *used = delta;
        delta = below;
        below = used;
    }
}
