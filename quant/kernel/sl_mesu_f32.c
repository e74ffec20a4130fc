/* MESU in float32: streamlearn/mesu.py, equation for equation, with the same noise.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_parts.h"

enum { S = SL_N_DRAWS };

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE;

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t n, float *epsilon) {
    for (uint32_t e = 0; e < n; e += 4) {
        uint32_t word = sl_noise_word(key, SL_STREAM_EPSILON + layer, e >> 2);
        for (uint32_t b = e; b < e + 4 && b < n; b++) {
            epsilon[b] = (float)sl_epsilon_table[word & 255u] / 256.0f;
            word >>= 8;
        }
    }
}

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. Rows whose
 * input is 0 cost nothing. */
SL_INLINE void sl_product_first(const sl_layer_t *layer, const sl_state_t *state,
                                const float *restrict x, float *restrict mean,
                                float *restrict power) {
    const float *restrict mu = state->mu + layer->synapse;
    const float *restrict sigma = state->sigma + layer->synapse;
    for (uint32_t j = 0; j < layer->columns; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    uint32_t start[SL_BLOCK] = {0}, n = 0;
    float input[SL_BLOCK] = {0};
    for (uint32_t i = 0; i < layer->rows; i++) {
        if (x[i] != 0) {
            start[n] = i * layer->columns;
            input[n++] = x[i];
        }
        if (n == SL_BLOCK || (n > 0 && i + 1 == layer->rows)) {
            SL_VECTOR
            for (uint32_t j = 0; j < layer->columns; j++) {
                float sum = mean[j], square = power[j];
                for (uint32_t b = 0; b < SL_BLOCK; b++) {
                    float scaled = input[b] * sigma[start[b] + j];
                    sum += input[b] * mu[start[b] + j];
                    square += scaled * scaled;
                }
                mean[j] = sum;
                power[j] = square;
            }
            for (n = 0; n < SL_BLOCK; n++) {
                input[n] = 0;
            }
            n = 0;
        }
    }
}

/* Later layers: one input for each draw; arrays are [unit][draw]. */
SL_INLINE void sl_product_later(const sl_layer_t *layer, const sl_state_t *state,
                                const float *restrict x, float *restrict mean,
                                float *restrict power) {
    const float *restrict mu = state->mu + layer->synapse;
    const float *restrict sigma = state->sigma + layer->synapse;
    for (uint32_t e = 0; e < layer->columns * S; e++) {
        mean[e] = 0;
        power[e] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, sigma += layer->columns) {
        float square[S], any = 0;
        for (uint32_t s = 0; s < S; s++) {
            square[s] = x[i * S + s] * x[i * S + s];
            any += square[s];
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            float m = mu[j], v = sigma[j] * sigma[j];
            SL_DRAWS
            for (uint32_t s = 0; s < S; s++) {
                mean[j * S + s] += m * x[i * S + s];
                power[j * S + s] += v * square[s];
            }
        }
    }
}

SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t draws = index == 0 ? 1 : S;
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * S;
    float *a = scratch->block_a, *power = scratch->block_b, *mean = scratch->block_r;
    if (index == 0) {
        sl_product_first(layer, state, x, mean, power);
    } else {
        sl_product_later(layer, state, x, mean, power);
    }
    float *inverse = index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * S;
    const float *epsilon = scratch->epsilon + layer->unit * S;
    for (uint32_t e = 0; e < layer->columns * draws; e++) {
        float spread = __builtin_sqrtf(power[e]);
        inverse[e] = spread > 0 ? 1.0f / spread : 0.0f;
        for (uint32_t s = e * S / draws; s < (e + 1) * S / draws; s++) {
            a[s] = mean[e] + spread * epsilon[s];
        }
    }
}

int32_t sl_mesu_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
#if SL_BIAS
    scratch->input[SL_N_FEATURES] = 1.0f;
#endif
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noise_epsilon(key, index, layer->columns * S, scratch->epsilon + layer->unit * S);
        sl_forward_layer(index, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        float *hidden = scratch->hidden + sl_layers[index + 1].hidden * S;
        for (uint32_t e = 0; e < layer->columns * S; e++) {
            hidden[e] = scratch->block_a[e] < 0 ? 0.0f : scratch->block_a[e] /* NaN passes */;
        }
#if SL_BIAS
        for (uint32_t s = 0; s < S; s++) {
            hidden[layer->columns * S + s] = 1.0f;
        }
#endif
    }
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        float sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->block_a[k * S + s];
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
/* Softmax minus one-hot, in place of the logits. */
static void sl_output_gradient(float *logits, uint32_t label) {
    for (uint32_t s = 0; s < S; s++) {
        float top = logits[s], sum = 0;
        for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
            top = logits[k * S + s] > top ? logits[k * S + s] : top;
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            float t = logits[k * S + s] - top;
            logits[k * S + s] = t < -87.0f ? 0.0f : sl_exp(t);
            sum += logits[k * S + s];
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            logits[k * S + s] = logits[k * S + s] / sum - (k == label ? 1.0f : 0.0f);
        }
    }
}
#endif

/* Gradient by the layer's inputs, masked by their ReLU. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const float *delta, const float *r, float *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const float *x = scratch->hidden + layer->hidden * S;
    const float *mu = state->mu + layer->synapse;
    const float *sigma = state->sigma + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, sigma += layer->columns) {
        float through_mean[S] = {0}, through_spread[S] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            float m = mu[j], v = sigma[j] * sigma[j];
            for (uint32_t s = 0; s < S; s++) {
                through_mean[s] += m * delta[j * S + s];
                through_spread[s] += v * r[j * S + s];
            }
        }
        for (uint32_t s = 0; s < S; s++) {
            float h = x[i * S + s];
            below[i * S + s] = h > 0 ? through_mean[s] + h * through_spread[s] : 0.0f;
        }
    }
}

static inline float sl_clamp(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

/* The gradient's step on one row: w = x g and y = square q. */
SL_INLINE void sl_update_row(float *restrict mu, float *restrict sigma, float x,
                             const float *restrict g, float square, const float *restrict q,
                             uint32_t n) {
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        float v = sigma[j] * sigma[j];
        mu[j] -= v * (x * g[j]);
        sigma[j] += sigma[j] * 0.5f * sl_clamp(-v * (square * q[j]), -0.5f, 1.0f);
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

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y. Returns 0 where the
 * row's input is 0 in every draw. */
SL_INLINE uint32_t sl_row_gradient(const float *x, uint32_t columns, const float *g, const float *q,
                                   sl_scratch_t *scratch) {
    float square[S], any = 0;
    for (uint32_t s = 0; s < S; s++) {
        square[s] = x[s] * x[s];
        any += square[s];
    }
    if (any == 0) {
        return 0;
    }
    for (uint32_t j = 0; j < columns; j++) {
        float sum_w = 0, sum_y = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum_w += x[s] * g[j * S + s];
            sum_y += square[s] * q[j * S + s];
        }
        scratch->row_w[j] = sum_w;
        scratch->row_y[j] = sum_y;
    }
    return 1;
}

SL_INLINE void sl_update_layer(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                               float *delta, float *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const float *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * S;
    for (uint32_t j = 0; j < columns; j++) {
        float sum_delta = 0, sum_r = 0;
        for (uint32_t s = 0; s < S; s++) {
            float d = delta[j * S + s] * (SL_LR_MU / S), q = r[j * S + s] * (SL_LR_SIGMA / S);
            sum_delta += d;
            sum_r += q;
            if (index != 0) {
                delta[j * S + s] = d;
                r[j * S + s] = q;
            }
        }
        if (index == 0) {
            delta[j] = sum_delta;
            r[j] = sum_r;
        }
    }
    float *mu = state->mu + layer->synapse;
    float *sigma = state->sigma + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, sigma += columns) {
        if (index == 0) {
            if (x[i] != 0) {
                sl_update_row(mu, sigma, x[i], delta, x[i] * x[i], r, columns);
            }
        } else if (sl_row_gradient(&x[i * S], columns, delta, r, scratch)) {
            sl_update_row(mu, sigma, 1.0f, scratch->row_w, 1.0f, scratch->row_y, columns);
        }
        if ((layer->first + i + state->n_samples) % SL_SWEEP == 0) {
            sl_pull_row(mu, sigma, layer);
        }
    }
}

void sl_mesu_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label) {
    float *delta = scratch->block_a, *below = scratch->block_b, *r = scratch->block_r;
#if SL_GAUSSIAN
    (void)label; /* is scratch.target */
    sl_gaussian_gradient(scratch, delta);
#else
    sl_output_gradient(delta, label);
#endif
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        const float *epsilon = scratch->epsilon + layer->unit * S;
        for (uint32_t e = 0; e < layer->columns * S; e++) {
            float inverse =
                index == 0 ? scratch->inverse_first[e / S] : scratch->inverse[layer->later * S + e];
            r[e] = delta[e] * epsilon[e] * inverse;
        }
        if (index > 0) {
            sl_backward_inputs(index, state, scratch, delta, r, below);
        }
        sl_update_layer(index, state, scratch, delta, r);
        float *used = delta;
        delta = below;
        below = used;
    }
}
