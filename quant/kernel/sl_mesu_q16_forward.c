/* MESU in integers, the forward pass. Golden model: quant/mesu_q16.py, function for function.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_mesu_q16.h"

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE;

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t units, int16_t *epsilon) {
    uint32_t word = 0;
    for (uint32_t e = 0; e < units * S; e += S, epsilon += L) {
        for (uint32_t s = 0; s < S; s++) {
            word = (e + s) % 4 == 0 ? sl_noise_word(key, SL_STREAM_EPSILON + layer, (e + s) / 4)
                                    : word >> 8;
            epsilon[s] = sl_epsilon_table[word & 255u];
        }
        for (uint32_t s = S; s < L; s++) {
            epsilon[s] = 0;
        }
    }
}

/* Block scaling of one layer's input: shifts so that sums of magnitudes stay below 2^16 and sums
 * of squares below 2^20, the largest over the draws. */
typedef struct {
    int32_t k_mean, k_square;
} sl_block_t;

SL_INLINE sl_block_t sl_block_inputs(const int16_t *x, uint32_t rows, uint32_t lanes,
                                     int32_t parity) {
    uint32_t sums[L] = {0}, squares[L] = {0}, most = 0;
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < lanes; s++) {
            sums[s] += sl_abs32(x[i * lanes + s]);
        }
    }
    for (uint32_t s = 0; s < lanes; s++) {
        most = sums[s] > most ? sums[s] : most;
    }
    sl_block_t block = {sl_max32(0, sl_bit_length(most) - 16), 0};
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t s = 0; s < lanes; s++) {
            uint32_t size = sl_abs32(x[i * lanes + s]) >> block.k_mean;
            squares[s] += size * size;
        }
    }
    most = 0;
    for (uint32_t s = 0; s < lanes; s++) {
        most = squares[s] > most ? squares[s] : most;
    }
    block.k_square = 20 - sl_bit_length(most);
    block.k_square -= (block.k_square ^ parity) & 1;
    return block;
}

static inline uint32_t sl_block_square(int32_t x, sl_block_t block) {
    uint32_t square = (uint32_t)(x * x);
    return block.k_square >= 0 ? square << block.k_square : square >> -block.k_square;
}

#if SL_FACTORED
#include "sl_factored_q16_forward.h"
#else
/* Layer 0: one input for all draws, so two matrix-vector products whatever their number. Adds the
 * products with some of the layer's units. */
SL_INLINE void sl_add_first(const sl_layer_t *layer, const int16_t *restrict mu,
                            const uint16_t *restrict rho, const sl_scratch_t *scratch,
                            sl_block_t block, uint32_t units, int32_t *restrict mean,
                            uint32_t *restrict power) {
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a], start = i * layer->columns;
        const int16_t *restrict mu_row = mu + start;
        const uint16_t *restrict rho_row = rho + start;
        const int32_t input = sl_shift_truncate32(scratch->input[i], block.k_mean);
        const uint32_t square = sl_block_square(input, block);
        SL_VECTOR
        for (uint32_t j = 0; j < units; j++) {
            const uint32_t code = rho_row[j];
            mean[j] += input * mu_row[j];
            power[j] += ((uint32_t)sl_mantissa(code) * square) >> (31 - sl_octave(code));
        }
    }
}

SL_INLINE void sl_product_first(const sl_layer_t *layer, const sl_state_t *state,
                                const sl_scratch_t *scratch, sl_block_t block, int32_t *mean,
                                uint32_t *power) {
    const int16_t *mu = state->mu + layer->synapse;
    const uint16_t *rho = state->rho + layer->synapse;
#ifdef SL_HOST
    for (uint32_t j = 0; j < layer->columns; j += SL_FIRST_TILE) {
        int32_t sum[SL_FIRST_TILE] = {0};
        uint32_t squares[SL_FIRST_TILE] = {0};
        const uint32_t left = layer->columns - j;
        if (left >= SL_FIRST_TILE) {
            sl_add_first(layer, mu + j, rho + j, scratch, block, SL_FIRST_TILE, sum, squares);
        } else {
            sl_add_first(layer, mu + j, rho + j, scratch, block, layer->columns % SL_FIRST_TILE,
                         sum, squares);
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
    sl_add_first(layer, mu, rho, scratch, block, layer->columns, mean, power);
#endif
}

/* Later layers: one input for each draw. Adds the products with some of the layer's units. */
SL_INLINE void sl_add_later(const sl_layer_t *layer, const int16_t *restrict mu,
                            const uint16_t *restrict rho, const int16_t *restrict x,
                            sl_block_t block, uint32_t units, int32_t *restrict mean,
                            uint32_t *restrict power) {
    for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns, rho += layer->columns) {
        int32_t blocked[L];
        uint32_t square[L], any = 0;
        for (uint32_t s = 0; s < L; s++) {
            blocked[s] = x[i * L + s] >> block.k_mean; /* never negative */
            square[s] = sl_block_square(blocked[s], block);
            any |= (uint32_t)blocked[s];
        }
        if (any == 0) {
            continue;
        }
        for (uint32_t j = 0; j < units; j++) {
            const int32_t m = mu[j], right = 31 - sl_octave(rho[j]);
            const uint32_t mantissa = (uint32_t)sl_mantissa(rho[j]);
            for (uint32_t s = 0; s < L; s++) {
                mean[j * L + s] += m * blocked[s];
                power[j * L + s] += mantissa * square[s] >> right;
            }
        }
    }
}

SL_INLINE void sl_product_later(const sl_layer_t *layer, const sl_state_t *state, const int16_t *x,
                                sl_block_t block, int32_t *mean, uint32_t *power) {
    const int16_t *mu = state->mu + layer->synapse;
    const uint16_t *rho = state->rho + layer->synapse;
#ifdef SL_HOST
    for (uint32_t j = 0; j < layer->columns; j += SL_LATER_TILE) {
        int32_t sum[SL_LATER_TILE * L] = {0};
        uint32_t squares[SL_LATER_TILE * L] = {0};
        const uint32_t left = layer->columns - j;
        if (left >= SL_LATER_TILE) {
            sl_add_later(layer, mu + j, rho + j, x, block, SL_LATER_TILE, sum, squares);
        } else {
            sl_add_later(layer, mu + j, rho + j, x, block, layer->columns % SL_LATER_TILE, sum,
                         squares);
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
    sl_add_later(layer, mu, rho, x, block, layer->columns, mean, power);
#endif
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
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    const int32_t parity = (12 - layer->v_exponent) & 1;
    int32_t *a = scratch->block_a;
    uint32_t *power = (uint32_t *)scratch->block_b;
    int32_t *mean = scratch->block_r;

    sl_block_t block;
    if (index == 0) {
        block = sl_block_inputs(x, layer->rows, 1, parity);
        sl_product_first(layer, state, scratch, block, mean, power);
    } else {
        block = sl_block_inputs(x, layer->rows, L, parity);
        sl_product_later(layer, state, x, block, mean, power);
    }
    sl_isqrt_all(power, index == 0 ? layer->columns : layer->columns * L);
    const int32_t right = frac_bits - block.k_mean + layer->mu_frac_bits - 16;
    const int32_t half_exponent =
        (12 - layer->v_exponent + 2 * (frac_bits - block.k_mean) + block.k_square) >> 1;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    uint32_t *clamped = &scratch->saturations[SL_SAT_ACTIVATION];
    for (uint32_t j = 0; j < layer->columns; j++, a += L, epsilon += L) {
        int32_t centre = 0, spread = 0;
        for (uint32_t s = 0; s < S; s++) {
            if (index != 0 || s == 0) {
                const uint32_t e = index == 0 ? j : j * L + s;
                const int64_t wide = sl_shift_round64(mean[e], right);
                centre = sl_clamp64(wide, SL_PRE_ACTIVATION_MAX);
                *clamped += centre != wide;
                spread = sl_spread(power[e], half_exponent - 12, clamped);
                int32_t *inverse =
                    index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
                inverse[e] = spread == 0 ? 0 : (1 << 30) / spread;
            }
            a[s] = centre + ((spread * epsilon[s] + 8) >> 4);
        }
        for (uint32_t s = S; s < L; s++) {
            a[s] = 0;
        }
    }
}

#endif

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
    sl_list_active(scratch);
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        sl_noise_epsilon(key, index, layer->columns, scratch->epsilon + layer->unit * L);
        sl_forward_layer(index, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        int16_t *hidden = scratch->hidden + sl_layers[index + 1].hidden * L;
        const int32_t frac_bits = sl_rectify(scratch->block_a, layer->columns * L, hidden);
        scratch->frac_bits[index + 1] = frac_bits;
#if SL_BIAS
        for (uint32_t s = 0; s < L; s++) {
            hidden[layer->columns * L + s] = (int16_t)(s < S ? 1 << frac_bits : 0);
        }
#endif
    }
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->block_a[k * L + s];
        }
        scratch->logit_sum[k] = sum;
        best = sum > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}
