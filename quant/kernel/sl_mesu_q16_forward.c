/* MESU in integers, the forward pass. Golden model: quant/mesu_q16.py, function for function.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_mesu_q16.h"

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE;

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t n, int16_t *epsilon) {
    for (uint32_t e = 0; e < n; e += 4) {
        uint32_t word = sl_noise_word(key, SL_STREAM_EPSILON + layer, e >> 2);
        for (uint32_t b = e; b < e + 4 && b < n; b++) {
            epsilon[b] = sl_epsilon_table[word & 255u];
            word >>= 8;
        }
    }
}

/* Block scaling of one layer's input: shifts so that sums of magnitudes stay below 2^16 and sums
 * of squares below 2^20, the largest over the draws. */
typedef struct {
    int32_t k_mean, k_square;
} sl_block_t;

static sl_block_t sl_block_inputs(const int16_t *x, uint32_t rows, uint32_t draws, int32_t parity) {
    uint32_t most = 0;
    for (uint32_t s = 0; s < draws; s++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < rows; i++) {
            sum += sl_abs32(x[i * draws + s]);
        }
        most = sum > most ? sum : most;
    }
    sl_block_t block = {sl_max32(0, sl_bit_length(most) - 16), 0};
    most = 0;
    for (uint32_t s = 0; s < draws; s++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < rows; i++) {
            uint32_t size = sl_abs32(x[i * draws + s]) >> block.k_mean;
            sum += size * size;
        }
        most = sum > most ? sum : most;
    }
    block.k_square = 20 - sl_bit_length(most);
    block.k_square -= (block.k_square ^ parity) & 1;
    return block;
}

static inline uint32_t sl_block_square(int32_t x, sl_block_t block) {
    uint32_t square = (uint32_t)(x * x);
    return block.k_square >= 0 ? square << block.k_square : square >> -block.k_square;
}

/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. Rows whose
 * input is 0 cost nothing. */
SL_INLINE void sl_product_first(const sl_layer_t *layer, const sl_state_t *state,
                                const int16_t *restrict x, sl_block_t block, int32_t *restrict mean,
                                uint32_t *restrict power) {
    const int16_t *restrict mu = state->mu + layer->synapse;
    const uint16_t *restrict rho = state->rho + layer->synapse;
    for (uint32_t j = 0; j < layer->columns; j++) {
        mean[j] = 0;
        power[j] = 0;
    }
    uint32_t start[SL_BLOCK] = {0}, square[SL_BLOCK] = {0}, n = 0;
    int32_t input[SL_BLOCK] = {0};
    for (uint32_t i = 0; i < layer->rows; i++) {
        if (x[i] != 0) {
            start[n] = i * layer->columns;
            input[n] = sl_shift_truncate32(x[i], block.k_mean);
            square[n] = sl_block_square(input[n], block);
            n++;
        }
        if (n == SL_BLOCK || (n > 0 && i + 1 == layer->rows)) {
            SL_VECTOR
            for (uint32_t j = 0; j < layer->columns; j++) {
                int32_t sum = mean[j];
                uint32_t squares = power[j];
                for (uint32_t b = 0; b < SL_BLOCK; b++) {
                    uint32_t code = rho[start[b] + j];
                    sum += input[b] * mu[start[b] + j];
                    squares += ((uint32_t)sl_mantissa(code) * square[b]) >> (31 - sl_octave(code));
                }
                mean[j] = sum;
                power[j] = squares;
            }
            for (n = 0; n < SL_BLOCK; n++) {
                input[n] = 0;
                square[n] = 0;
            }
            n = 0;
        }
    }
}

/* Later layers: one input for each draw; arrays are [unit][draw]. */
SL_INLINE void sl_product_later(const sl_layer_t *layer, const sl_state_t *state, const int16_t *x,
                                sl_block_t block, int32_t *restrict mean,
                                uint32_t *restrict power) {
    for (uint32_t e = 0; e < layer->columns * S; e++) {
        mean[e] = 0;
        power[e] = 0;
    }
    const int16_t *mu = state->mu + layer->synapse;
    const uint16_t *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, rho += layer->columns) {
        int32_t blocked[S];
        uint32_t square[S], any = 0;
        for (uint32_t s = 0; s < S; s++) {
            blocked[s] = x[i * S + s] >> block.k_mean; /* never negative */
            square[s] = sl_block_square(blocked[s], block);
            any |= (uint32_t)blocked[s];
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            int32_t m = mu[j];
            uint32_t mantissa = (uint32_t)sl_mantissa(rho[j]);
            int32_t right = 31 - sl_octave(rho[j]);
            SL_DRAWS
            for (uint32_t s = 0; s < S; s++) {
                mean[j * S + s] += m * blocked[s];
                power[j * S + s] += mantissa * square[s] >> right;
            }
        }
    }
}

static void sl_isqrt_all(uint32_t *x, uint32_t n) {
    for (uint32_t e = 0; e < n; e++) {
        x[e] = sl_isqrt32(x[e]);
    }
}

static int32_t sl_spread(uint32_t root, int32_t right, uint32_t *count) {
    if (right >= 0) {
        root = right > 31 ? 0 : root >> right;
    } else if (root > (uint32_t)SL_SPREAD_MAX >> sl_min32(-right, 31)) {
        root = SL_SPREAD_MAX + 1;
    } else {
        root <<= sl_min32(-right, 31);
    }
    if (root > SL_SPREAD_MAX) {
        root = SL_SPREAD_MAX;
        (*count)++;
    }
    return (int32_t)root;
}

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), Q15.16, into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t draws = index == 0 ? 1 : S;
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * S;
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    int32_t *a = scratch->block_a;
    uint32_t *power = (uint32_t *)scratch->block_b;
    int32_t *mean = scratch->block_r;

    sl_block_t block = sl_block_inputs(x, layer->rows, draws, (12 - layer->v_exponent) & 1);
    if (index == 0) {
        sl_product_first(layer, state, x, block, mean, power);
    } else {
        sl_product_later(layer, state, x, block, mean, power);
    }
    const uint32_t n = layer->columns * draws;
    sl_isqrt_all(power, n);
    const int32_t right = frac_bits - block.k_mean + layer->mu_frac_bits - 16;
    const int32_t half_exponent =
        (12 - layer->v_exponent + 2 * (frac_bits - block.k_mean) + block.k_square) >> 1;
    int32_t *inverse = index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * S;
    const int16_t *epsilon = scratch->epsilon + layer->unit * S;
    uint32_t *clamped = &scratch->saturations[SL_SAT_ACTIVATION];
    for (uint32_t e = 0; e < n; e++) {
        int64_t wide = sl_shift_round64(mean[e], right);
        int32_t centre = sl_clamp64(wide, SL_PRE_ACTIVATION_MAX);
        int32_t spread = sl_spread(power[e], half_exponent - 12, clamped);
        *clamped += centre != wide;
        inverse[e] = spread == 0 ? 0 : (1 << 30) / spread;
        if (index == 0) {
            for (uint32_t s = 0; s < S; s++) {
                a[e * S + s] = centre + ((spread * epsilon[e * S + s] + 8) >> 4);
            }
        } else {
            a[e] = centre + ((spread * epsilon[e] + 8) >> 4);
        }
    }
}

/* ReLU of Q15.16 in at most 15 bits: Q7.8, or as many fraction bits as the largest leaves. */
static int32_t sl_rectify(const int32_t *a, uint32_t n, int16_t *hidden) {
    int32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        most = sl_max32(most, a[e]);
    }
    const int32_t whole = sl_bit_length((uint32_t)most) - 16;
    const int32_t frac_bits = sl_min32(SL_ACTIVATION_FRAC_BITS, SL_ACTIVATION_BITS - whole);
    for (uint32_t e = 0; e < n; e++) {
        hidden[e] = (int16_t)(sl_max32(a[e], 0) >> (16 - frac_bits));
    }
    return frac_bits;
}

int32_t sl_mesu_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
#if SL_BIAS
    scratch->input[SL_N_FEATURES] = 1 << SL_INPUT_FRAC_BITS;
#endif
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noise_epsilon(key, index, layer->columns * S, scratch->epsilon + layer->unit * S);
        sl_forward_layer(index, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        int16_t *hidden = scratch->hidden + sl_layers[index + 1].hidden * S;
        const int32_t frac_bits = sl_rectify(scratch->block_a, layer->columns * S, hidden);
        scratch->frac_bits[index + 1] = frac_bits;
#if SL_BIAS
        for (uint32_t s = 0; s < S; s++) {
            hidden[layer->columns * S + s] = (int16_t)(1 << frac_bits);
        }
#endif
    }
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->block_a[k * S + s];
        }
        scratch->logit_sum[k] = sum;
        best = sum > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}
