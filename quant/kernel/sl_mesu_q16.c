/* MESU in integers. Golden model: quant/mesu_q16.py, function for function; formats, shifts and the
 * bounds that keep every product inside 32 bits: docs/numbers.md, section 6.
 * Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_integer.h"
#include "sl_parts.h"

_Static_assert((-3 >> 1) == -2, "right shifts of negative values must be arithmetic");

enum {
    SL_INPUT_FRAC_BITS = 4,
    SL_ACTIVATION_FRAC_BITS = 8,
    SL_ACTIVATION_BITS = 15,
    SL_PRE_ACTIVATION_MAX = 1 << 30,
    SL_LIMIT24 = (1 << 24) - 1, /* of delta and of delta epsilon / spread */
    SL_SPREAD_MAX = (1 << 20) - 1,
    SL_RHO_STEP_MAX = 2048, /* one octave */
    SL_RHO_STEP_BITS = 28,
    SL_MU_STEP_BITS = 30,
    SL_OCTAVES = 32,
    S = SL_N_DRAWS,
};

#define SL_PRODUCT_MAX ((int64_t)1 << 43)

static const int16_t sl_epsilon_table[256] = SL_EPSILON_TABLE;
static const uint16_t sl_exp2_table[256] = SL_EXP2_TABLE;

static inline int32_t sl_mantissa(uint32_t rho) {
    return (int32_t)((rho & 2047u) | 2048u);
}

static inline int32_t sl_octave(uint32_t rho) {
    return (int32_t)(rho >> 11);
}

static inline int32_t sl_clamp_count(int32_t x, int32_t limit, uint32_t *count) {
    int32_t kept = sl_clamp32(x, -limit, limit);
    *count += kept != x;
    return kept;
}

static void sl_noise_epsilon(uint32_t key, uint32_t layer, uint32_t n, int16_t *epsilon) {
    for (uint32_t e = 0; e < n; e += 4) {
        uint32_t word = sl_noise_word(key, SL_STREAM_EPSILON + layer, e >> 2);
        for (uint32_t b = e; b < e + 4 && b < n; b++) {
            epsilon[b] = sl_epsilon_table[word & 255u];
            word >>= 8;
        }
    }
}

/* ---- forward ---------------------------------------------------------------------------- */

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

static int32_t sl_clamp64(int64_t x, int32_t limit) {
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
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
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->block_a[k * S + s];
        }
        scratch->logit_sum[k] = sum;
        best = sum > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}

/* ---- backward --------------------------------------------------------------------------- */

/* Softmax minus one-hot, Q4.20, in place of the logits. */
static void sl_output_gradient(int32_t *logits, uint32_t label) {
    for (uint32_t s = 0; s < S; s++) {
        int32_t top = logits[s];
        for (uint32_t k = 1; k < SL_N_CLASSES; k++) {
            top = sl_max32(top, logits[k * S + s]);
        }
        uint32_t sum = 0;
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            uint32_t below = (uint32_t)top - (uint32_t)logits[k * S + s];
            int32_t t = sl_min32((int32_t)(below >> 6), 16383);
            uint32_t u = (uint32_t)(t * 23637) >> 14;
            uint32_t e = (uint32_t)sl_exp2_table[(u >> 2) & 255u] >> (u >> 10);
            logits[k * S + s] = (int32_t)e;
            sum += e;
        }
        for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
            int32_t p = (int32_t)(((uint32_t)logits[k * S + s] << 16) / sum);
            logits[k * S + s] = (p - (k == label ? 1 << 16 : 0)) * 16;
        }
    }
}

/* r = delta epsilon / spread, Q8.16. */
static void sl_ratio(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                     uint32_t n, uint32_t per_inverse, int32_t *r, uint32_t *count) {
    for (uint32_t e = 0; e < n; e++) {
        int64_t product = ((int64_t)delta[e] * epsilon[e] + 128) >> 8;
        product = (product * inverse[e / per_inverse] + (1 << 21)) >> 22;
        r[e] = sl_clamp64(product, SL_LIMIT24);
        *count += r[e] != product;
    }
}

/* Bits of the largest sum of magnitudes over the draws. */
static int32_t sl_sum_bits(const int32_t *x, uint32_t n) {
    uint64_t most = 0;
    for (uint32_t s = 0; s < S; s++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < n; k++) {
            sum += sl_abs32(x[k * S + s]);
        }
        most = sum > most ? sum : most;
    }
    return sl_bit_length64(most);
}

/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const int32_t *delta, const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * S;
    const uint32_t n = layer->columns * S;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - 16);
    const int32_t k_r = sl_min32(19 - sl_sum_bits(r, layer->columns), 12);
    const int32_t right_spread = 8 + scratch->frac_bits[index] + k_r - layer->v_exponent;
    int32_t *blocked_delta = scratch->block_c, *blocked_r = scratch->block_d;
    for (uint32_t e = 0; e < n; e++) {
        blocked_delta[e] = sl_shift_truncate32(delta[e], k_delta);
        blocked_r[e] = sl_shift_truncate32(r[e], -k_r);
    }
    const int16_t *mu = state->mu + layer->synapse;
    const uint16_t *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, rho += layer->columns) {
        int32_t through_mean[S] = {0}, through_spread[S] = {0};
        uint32_t any = 0;
        for (uint32_t s = 0; s < S; s++) {
            any |= (uint32_t)x[i * S + s];
        }
        if (any != 0) {
            for (uint32_t j = 0; j < layer->columns; j++) {
                int32_t m = mu[j], mantissa = sl_mantissa(rho[j]), right = 31 - sl_octave(rho[j]);
                for (uint32_t s = 0; s < S; s++) {
                    through_mean[s] += m * blocked_delta[j * S + s];
                    through_spread[s] += (mantissa * blocked_r[j * S + s]) >> right;
                }
            }
        }
        for (uint32_t s = 0; s < S; s++) {
            int32_t h = x[i * S + s];
            int64_t gradient = 0;
            if (h > 0) {
                int64_t product = (int64_t)h * through_spread[s];
                if (right_spread < 0) { /* far beyond the clamp of the gradient */
                    product = product > SL_PRODUCT_MAX    ? SL_PRODUCT_MAX
                              : product < -SL_PRODUCT_MAX ? -SL_PRODUCT_MAX
                                                          : product;
                }
                gradient = sl_shift_round64(through_mean[s], layer->mu_frac_bits - k_delta) +
                           sl_shift_round64(product, right_spread);
            }
            below[i * S + s] = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += below[i * S + s] != gradient;
        }
    }
}

/* ---- update ----------------------------------------------------------------------------- */

static uint32_t sl_largest(const int32_t *x, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        uint32_t size = sl_abs32(x[e]);
        most = size > most ? size : most;
    }
    return most;
}

/* Scale x to 15 bits, multiply by the gain, drop bits; returns what this adds to its exponent. */
static int32_t sl_apply_gain(const int32_t *x, uint32_t n, int32_t mantissa, int32_t exponent,
                             int32_t drop, int32_t *out) {
    int32_t bits = sl_bit_length(sl_largest(x, n));
    int32_t shift = bits == 0 ? 0 : 15 - bits;
    for (uint32_t e = 0; e < n; e++) {
        out[e] = sl_shift_round32(sl_shift_round32(x[e], -shift) * mantissa, drop);
    }
    return shift + exponent - drop;
}

static inline void sl_store(int16_t *mu, uint16_t *rho, int32_t new_mu, int32_t new_rho,
                            uint32_t *saturations) {
    int32_t kept_mu = sl_clamp32(new_mu, -32768, 32767), kept_rho = sl_clamp32(new_rho, 0, 65535);
    saturations[0] += kept_mu != new_mu;
    saturations[1] += kept_rho != new_rho;
    *mu = (int16_t)kept_mu;
    *rho = (uint16_t)kept_rho;
}

/* x >> right; a negative right shifts left, clamping to +-2^bits. */
static inline int32_t sl_shift_saturate(int32_t x, int32_t right, int32_t bits, uint32_t *count) {
    if (right >= 0) {
        return x >> sl_min32(right, 31);
    }
    const int32_t left = sl_min32(-right, 31);
    return (int32_t)((uint32_t)sl_clamp_count(x, (1 << bits) >> left, count) << left);
}

/* A row's step: w = x g and y = square q, the row's input times what all rows share. */
typedef struct {
    int32_t x, square, shift_mu, shift_rho;
    uint32_t word; /* dither of the row */
} sl_row_t;

/* The gradient's step on one row. Dither by rank one, (row + column) mod 2^32: the low half for mu,
 * the high half for rho. With `narrow` nothing can pass the ends of a step, so that only the
 * results have to be clamped. */
SL_INLINE void sl_update_row(sl_row_t row, int16_t *restrict mu, uint16_t *restrict rho,
                             const int32_t *restrict g, const int32_t *restrict q, uint32_t n,
                             const uint32_t *restrict column_word, uint32_t narrow,
                             uint32_t *saturations) {
    uint32_t count[2] = {0, 0}, steps = 0;
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        int32_t mantissa = sl_mantissa(rho[j]), octave = sl_octave(rho[j]);
        uint32_t dither = row.word + column_word[j];
        int32_t step = mantissa * (row.x * g[j]);
        int32_t curve = (mantissa * mantissa >> 12) * (row.square * q[j]);
        if (narrow) {
            step >>= sl_min32(row.shift_mu - octave, 31);
            curve >>= sl_min32(row.shift_rho - octave, 31);
            curve = (curve + (int32_t)(dither >> 16)) >> 16;
        } else {
            uint32_t unused = 0;
            step = sl_shift_saturate(step, row.shift_mu - octave, SL_MU_STEP_BITS, &steps);
            curve = sl_shift_saturate(curve, row.shift_rho - octave, SL_RHO_STEP_BITS, &unused);
            curve = (curve + (int32_t)(dither >> 16)) >> 16;
            curve = sl_clamp_count(curve, SL_RHO_STEP_MAX, &steps);
        }
        step = (step + (int32_t)(dither & 0xFFFFu)) >> 16;
        sl_store(&mu[j], &rho[j], mu[j] + step, rho[j] + curve, count);
    }
    saturations[SL_SAT_MU] += count[0];
    saturations[SL_SAT_RHO] += count[1];
    saturations[SL_SAT_GRADIENT] += steps;
}

/* SL_SWEEP samples of the prior's pull on one row. */
static void sl_pull_row(int16_t *mu, uint16_t *rho, const sl_layer_t *layer, uint32_t row_word,
                        const uint32_t *column_word, uint32_t *saturations) {
    for (uint32_t j = 0; j < layer->columns; j++) {
        int32_t mantissa = sl_mantissa(rho[j]);
        uint32_t right = 31u - (uint32_t)sl_octave(rho[j]) + layer->ratio_exponent;
        int64_t u = ((uint32_t)mantissa * layer->ratio_mantissa) >> (right > 31 ? 31 : right);
        int64_t step = ((layer->mu_prior_q - mu[j]) * u * SL_PULL_MU) >> 28;
        int64_t curve =
            ((int64_t)((uint32_t)mantissa * (uint32_t)SL_PULL_RHO >> 12) * (65536 - u)) >> 16;
        uint32_t dither = row_word + column_word[j];
        sl_store(&mu[j], &rho[j], mu[j] + (int32_t)((step + (dither & 0xFFFFu)) >> 16),
                 rho[j] + (int32_t)((curve + (dither >> 16)) >> 16), &saturations[SL_SAT_MU]);
    }
}

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y. Returns the
 * exponent of the squares, or -1 where the row's input is 0 in every draw. */
SL_INLINE int32_t sl_row_gradient(const int16_t *x, int32_t narrow, int32_t spare, uint32_t columns,
                                  const int32_t *g, const int32_t *q, sl_scratch_t *scratch) {
    int32_t narrowed[S], square[S], most = 0;
    for (uint32_t s = 0; s < S; s++) {
        narrowed[s] = sl_min32(sl_shift_round32(x[s], narrow), 255);
        square[s] = narrowed[s] * narrowed[s];
        most = sl_max32(most, square[s]);
    }
    if (most == 0) {
        return -1;
    }
    const int32_t e = sl_max32(sl_bit_length((uint32_t)most) - 8, 0);
    for (uint32_t s = 0; s < S; s++) {
        square[s] >>= e;
    }
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum_w = 0, sum_y = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum_w += narrowed[s] * g[j * S + s];
            sum_y += square[s] * q[j * S + s];
        }
        scratch->row_w[j] = sl_shift_round32(sum_w, spare);
        scratch->row_y[j] = sl_shift_round32(sum_y, spare);
    }
    return e;
}

SL_INLINE void sl_update_layer(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, int32_t *delta, int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const uint32_t draws = index == 0 ? 1 : S;
    int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * S;
    int32_t frac_bits = SL_INPUT_FRAC_BITS, spare = 0, narrow = 0;
    if (index == 0) {
        for (uint32_t j = 0; j < columns; j++) {
            int32_t sum_delta = 0, sum_r = 0;
            for (uint32_t s = 0; s < S; s++) {
                sum_delta += delta[j * S + s];
                sum_r += r[j * S + s];
            }
            delta[j] = sum_delta;
            r[j] = sum_r;
        }
    } else {
        int32_t most = 0;
        for (uint32_t e = 0; e < layer->rows * S; e++) {
            most = sl_max32(most, x[e]);
        }
        narrow = sl_max32(0, sl_bit_length((uint32_t)most) - 8);
        frac_bits = scratch->frac_bits[index] - narrow;
        spare = sl_bit_length(S - 1);
    }
    int32_t *g = scratch->block_c, *q = scratch->block_d;
    const int32_t exponent_g =
        sl_apply_gain(delta, columns * draws, SL_GAIN_MU_MANTISSA, SL_GAIN_MU_EXPONENT, 19, g);
    const int32_t exponent_q =
        sl_apply_gain(r, columns * draws, SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT, 20, q);
    const int32_t shift_mu =
        47 - layer->v_exponent - layer->mu_frac_bits + frac_bits - spare + exponent_g;
    const int32_t shift_rho = 31 - layer->v_exponent + 2 * frac_bits - spare + exponent_q;
    for (uint32_t j = 0; j < columns; j++) {
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }

    int16_t *mu = state->mu + layer->synapse;
    uint16_t *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->rows; i++, mu += columns, rho += columns) {
        sl_row_t row = {-x[i], 0, shift_mu, shift_rho, 0};
        const int32_t *w = g, *y = q;
        int32_t e = -1;
        if (index == 0) {
            const int32_t square = x[i] * x[i];
            e = square == 0 ? -1 : sl_max32(sl_bit_length((uint32_t)square) - 8, 0);
            row.square = -(square >> sl_max32(e, 0));
        } else {
            e = sl_row_gradient(&x[i * S], narrow, spare, columns, g, q, scratch);
            row.x = row.square = -1;
            w = scratch->row_w;
            y = scratch->row_y;
        }
        if (e >= 0) { /* a row whose input is 0 does not move */
            row.shift_rho -= e;
            row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
            if (row.shift_mu >= SL_OCTAVES - 1 && row.shift_rho >= SL_OCTAVES + 2) {
                sl_update_row(row, mu, rho, w, y, columns, scratch->column_word, 1,
                              scratch->saturations);
            } else {
                sl_update_row(row, mu, rho, w, y, columns, scratch->column_word, 0,
                              scratch->saturations);
            }
        }
        if ((layer->first + i + state->n_samples) % SL_SWEEP == 0) {
            sl_pull_row(mu, rho, layer, sl_noise_word(key, SL_STREAM_PULL + index, i),
                        scratch->column_word, scratch->saturations);
        }
    }
}

void sl_mesu_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
    int32_t *delta = scratch->block_a, *below = scratch->block_b, *r = scratch->block_r;
    sl_output_gradient(delta, label);
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        const int32_t *inverse =
            index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * S;
        sl_ratio(delta, scratch->epsilon + layer->unit * S, inverse, layer->columns * S,
                 index == 0 ? S : 1, r, &scratch->saturations[SL_SAT_GRADIENT]);
        if (index > 0) {
            sl_backward_inputs(index, state, scratch, delta, r, below);
        }
        sl_update_layer(index, key, state, scratch, delta, r);
        int32_t *used = delta;
        delta = below;
        below = used;
    }
}
