/* MESU in integers, the backward pass and the update. Golden model: quant/mesu_q16.py, function for
 * function. Bonnet et al., arXiv 2504.13569. */
#include "sl_mesu_q16.h"

#if !SL_GAUSSIAN
static const uint16_t sl_exp2_table[256] = SL_EXP2_TABLE;

/* Softmax minus one-hot, Q4.20, in place of the logits. */
static void sl_output_gradient(int32_t *logits, uint32_t label) {
    int32_t top[L];
    uint32_t sum[L] = {0};
    for (uint32_t s = 0; s < L; s++) {
        top[s] = logits[s];
    }
    for (uint32_t e = L; e < SL_N_CLASSES * L; e++) {
        top[e % L] = sl_max32(top[e % L], logits[e]);
    }
    for (uint32_t e = 0; e < SL_N_CLASSES * L; e++) {
        const uint32_t below = (uint32_t)top[e % L] - (uint32_t)logits[e];
        const int32_t t = sl_min32((int32_t)(below >> 6), 16383);
        const uint32_t u = (uint32_t)(t * 23637) >> 14;
        const uint32_t power = (uint32_t)sl_exp2_table[(u >> 2) & 255u] >> (u >> 10);
        logits[e] = (int32_t)power;
        sum[e % L] += power;
    }
    for (uint32_t k = 0; k < SL_N_CLASSES; k++, logits += L) {
        for (uint32_t s = 0; s < S; s++) {
            const int32_t p = (int32_t)(((uint32_t)logits[s] << 16) / sum[s]);
            logits[s] = (p - (k == label ? 1 << 16 : 0)) * 16;
        }
        for (uint32_t s = S; s < L; s++) {
            logits[s] = 0;
        }
    }
}
#endif

#if !SL_FACTORED
/* r = delta epsilon / spread, Q8.16. */
SL_INLINE void sl_ratio(const int32_t *delta, const int16_t *epsilon, const int32_t *inverse,
                        uint32_t n, uint32_t per_inverse, int32_t *r, uint32_t *count) {
    for (uint32_t e = 0; e < n; e++) {
        int64_t product = ((int64_t)delta[e] * epsilon[e] + 128) >> 8;
        product = (product * inverse[e / per_inverse] + (1 << 21)) >> 22;
        r[e] = sl_clamp64(product, SL_LIMIT24);
        *count += r[e] != product;
    }
}

#endif

/* Bits of the largest sum of magnitudes over the draws. */
SL_INLINE int32_t sl_sum_bits(const int32_t *x, uint32_t n) {
    uint64_t sum[L] = {0}, most = 0;
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t s = 0; s < L; s++) {
            sum[s] += sl_abs32(x[k * L + s]);
        }
    }
    for (uint32_t s = 0; s < L; s++) {
        most = sum[s] > most ? sum[s] : most;
    }
    return sl_bit_length64(most);
}

#if !SL_FACTORED
/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  const int32_t *delta, const int32_t *r, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const uint32_t n = layer->columns * L;
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - 16);
    const int32_t k_r = sl_min32(19 - sl_sum_bits(r, layer->columns), 12);
    const int32_t right_mean = layer->mu_frac_bits - k_delta;
    const int32_t right_spread = 8 + scratch->frac_bits[index] + k_r - layer->v_exponent;
    int32_t *blocked_delta = scratch->block_c, *blocked_r = scratch->block_d;
    for (uint32_t e = 0; e < n; e++) {
        blocked_delta[e] = sl_shift_truncate32(delta[e], k_delta);
        blocked_r[e] = sl_shift_truncate32(r[e], -k_r);
    }
    const int16_t *mu = state->mu + layer->synapse;
    const uint16_t *rho = state->rho + layer->synapse;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns, rho += layer->columns) {
        int32_t through_mean[L] = {0}, through_spread[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t m = mu[j], mantissa = sl_mantissa(rho[j]);
            const int32_t right = 31 - sl_octave(rho[j]);
            for (uint32_t s = 0; s < L; s++) {
                through_mean[s] += m * blocked_delta[j * L + s];
                through_spread[s] += (mantissa * blocked_r[j * L + s]) >> right;
            }
        }
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = x[i * L + s];
            int64_t product = (int64_t)h * through_spread[s];
            if (right_spread < 0) { /* far beyond the clamp of the gradient */
                product = product > SL_PRODUCT_MAX    ? SL_PRODUCT_MAX
                          : product < -SL_PRODUCT_MAX ? -SL_PRODUCT_MAX
                                                      : product;
            }
            int64_t gradient = sl_shift_round64(through_mean[s], right_mean) +
                               sl_shift_round64(product, right_spread);
            gradient = h > 0 ? gradient : 0;
            below[i * L + s] = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += below[i * L + s] != gradient;
        }
    }
}

#endif

static uint32_t sl_largest(const int32_t *x, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        uint32_t size = sl_abs32(x[e]);
        most = size > most ? size : most;
    }
    return most;
}

/* Scale x to 15 bits, multiply by the gain, drop bits, in place; returns what this adds to its
 * exponent. */
static int32_t sl_apply_gain(int32_t *x, uint32_t n, int32_t mantissa, int32_t exponent,
                             int32_t drop) {
    int32_t bits = sl_bit_length(sl_largest(x, n));
    int32_t shift = bits == 0 ? 0 : 15 - bits;
    for (uint32_t e = 0; e < n; e++) {
        x[e] = sl_shift_round32(sl_shift_round32(x[e], -shift) * mantissa, drop);
    }
    return shift + exponent - drop;
}

#if !SL_FACTORED
static inline void sl_store(int16_t *mu, uint16_t *rho, int32_t new_mu, int32_t new_rho,
                            uint32_t *saturations) {
    int32_t kept_mu = sl_clamp32(new_mu, -32768, 32767), kept_rho = sl_clamp32(new_rho, 0, 65535);
    saturations[0] += kept_mu != new_mu;
    saturations[1] += kept_rho != new_rho;
    *mu = (int16_t)kept_mu;
    *rho = (uint16_t)kept_rho;
}

/* A step that halves or doubles sigma^2 at most. */
static inline int32_t sl_held(int32_t step, int32_t mantissa, uint32_t *count) {
#ifndef SL_HOST /* vectors take both ways anyhow */
    if ((uint32_t)(step + 1024) <= 2048u) {
        return step;
    }
#endif
    const int32_t held = sl_min32(sl_max32(step, -(mantissa >> 1)), mantissa);
    *count += held != step;
    return held;
}

/* The code of sigma^2 (1 + step/mantissa): past an octave's end a step counts twice (below) or half
 * (above). */
static inline int32_t sl_moved(int32_t rho, int32_t mantissa, int32_t step) {
    const int32_t moved = mantissa + step, code = rho + step;
#ifndef SL_HOST
    if ((uint32_t)(code ^ rho) < 2048u) { /* the same octave */
        return code;
    }
#endif
    return code + sl_min32(moved, 2048) - (sl_max32(moved, 4096) >> 1);
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
            curve = sl_held(curve, mantissa, &steps);
        }
        step = (step + (int32_t)(dither & 0xFFFFu)) >> 16;
        sl_store(&mu[j], &rho[j], mu[j] + step, sl_moved(rho[j], mantissa, curve), count);
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
        const int32_t half = -(mantissa >> 1); /* half of sigma^2 or more is left */
        curve = (curve + (dither >> 16)) >> 16;
        sl_store(&mu[j], &rho[j], mu[j] + (int32_t)((step + (dither & 0xFFFFu)) >> 16),
                 sl_moved(rho[j], mantissa, curve < half ? half : (int32_t)curve),
                 &saturations[SL_SAT_MU]);
    }
}

/* Later layers: sum a row's x g and x^2 q over the draws, into row_w and row_y; g and q are
 * [draw][unit]. Returns the exponent of the squares, or -1 where the row's input is 0 in every
 * draw. */
SL_INLINE int32_t sl_row_gradient(const int16_t *x, int32_t narrow, int32_t spare, uint32_t columns,
                                  const int32_t *restrict g, const int32_t *restrict q,
                                  int32_t *restrict row_w, int32_t *restrict row_y) {
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
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum_w = 0, sum_y = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum_w += narrowed[s] * g[s * columns + j];
            sum_y += square[s] * q[s * columns + j];
        }
        row_w[j] = sl_shift_round32(sum_w, spare);
        row_y[j] = sl_shift_round32(sum_y, spare);
    }
    return e;
}

#endif

/* What an update takes: layer 0 the sums over the draws, [unit]; later layers [draw][unit]. */
SL_INLINE void sl_gather(const int32_t *x, uint32_t columns, uint32_t sum_draws, int32_t *out) {
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum = 0;
        for (uint32_t s = 0; s < S; s++) {
            sum += x[j * L + s];
            if (!sum_draws) {
                out[s * columns + j] = x[j * L + s];
            }
        }
        if (sum_draws) {
            out[j] = sum;
        }
    }
}

#if SL_FACTORED
#include "sl_factored_q16_learn.h"
#else
SL_INLINE void sl_update_layer(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, const int32_t *delta, const int32_t *r) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns;
    const uint32_t draws = index == 0 ? 1 : S;
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    int32_t frac_bits = SL_INPUT_FRAC_BITS, spare = 0, narrow = 0;
    if (index != 0) {
        int32_t most = 0;
        for (uint32_t e = 0; e < layer->rows * L; e++) {
            most = sl_max32(most, x[e]);
        }
        narrow = sl_max32(0, sl_bit_length((uint32_t)most) - 8);
        frac_bits = scratch->frac_bits[index] - narrow;
        spare = sl_bit_length(S - 1);
    }
    int32_t *g = scratch->block_c, *q = scratch->block_d;
    sl_gather(delta, columns, index == 0, g);
    sl_gather(r, columns, index == 0, q);
    const int32_t exponent_g =
        sl_apply_gain(g, columns * draws, SL_GAIN_MU_MANTISSA, SL_GAIN_MU_EXPONENT, 19);
    const int32_t exponent_q =
        sl_apply_gain(q, columns * draws, SL_GAIN_RHO_MANTISSA, SL_GAIN_RHO_EXPONENT, 20);
    const int32_t shift_mu =
        47 - layer->v_exponent - layer->mu_frac_bits + frac_bits - spare + exponent_g;
    const int32_t shift_rho = 31 - layer->v_exponent + 2 * frac_bits - spare + exponent_q;
    const uint32_t most_q = index == 0 ? sl_largest(q, columns) : 0;
    for (uint32_t j = 0; j < columns; j++) {
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }

    int16_t *mu = state->mu + layer->synapse;
    uint16_t *rho = state->rho + layer->synapse;
    const uint32_t rows = index == 0 ? scratch->n_active : layer->rows;
    for (uint32_t a = 0; a < rows; a++) {
        const uint32_t i = index == 0 ? scratch->active[a] : a, start = i * columns;
        sl_row_t row = {-1, -1, shift_mu, shift_rho, 0};
        const int32_t *w = g, *y = q;
        int32_t e = 0, reach = 18; /* |y| < 2^reach */
        if (index == 0) {
            const int32_t square = x[i] * x[i];
            e = sl_max32(sl_bit_length((uint32_t)square) - 8, 0);
            row.x = -x[i];
            row.square = -(square >> e);
            reach = sl_bit_length((uint32_t)(square >> e) * most_q);
        } else {
            w = scratch->row_w;
            y = scratch->row_y;
            e = sl_row_gradient(&x[i * L], narrow, spare, columns, g, q, scratch->row_w,
                                scratch->row_y);
            if (e < 0) { /* a row whose input is 0 does not move */
                continue;
            }
        }
        row.shift_rho -= e;
        row.word = sl_noise_word(key, SL_STREAM_ROW + index, i);
        if (sl_min32(row.shift_mu, row.shift_rho) >= SL_OCTAVES - 1 &&
            row.shift_rho >= SL_OCTAVES - 15 + reach) {
            sl_update_row(row, mu + start, rho + start, w, y, columns, scratch->column_word, 1,
                          scratch->saturations);
        } else {
            sl_update_row(row, mu + start, rho + start, w, y, columns, scratch->column_word, 0,
                          scratch->saturations);
        }
    }
    uint32_t i = sl_first_pulled(layer, state->n_samples);
    for (; i < layer->rows; i += SL_SWEEP) {
        sl_pull_row(mu + i * columns, rho + i * columns, layer,
                    sl_noise_word(key, SL_STREAM_PULL + index, i), scratch->column_word,
                    scratch->saturations);
    }
}

#endif

void sl_mesu_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
    int32_t *delta = scratch->block_a, *below = scratch->block_b;
#if SL_GAUSSIAN
    (void)label; /* is scratch.target */
    sl_gaussian_gradient(scratch, delta);
#else
    sl_output_gradient(delta, label);
#endif
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
#if SL_FACTORED
        sl_learn_layer(index, key, state, scratch, delta, below);
#else
        const sl_layer_t *layer = &sl_layers[index];
        const int16_t *epsilon = scratch->epsilon + layer->unit * L;
        int32_t *r = scratch->block_r;
        uint32_t *count = &scratch->saturations[SL_SAT_GRADIENT];
        if (index == 0) {
            sl_ratio(delta, epsilon, scratch->inverse_first, layer->columns * L, L, r, count);
        } else {
            sl_ratio(delta, epsilon, scratch->inverse + layer->later * L, layer->columns * L, 1, r,
                     count);
        }
        if (index > 0) {
            sl_backward_inputs(index, state, scratch, delta, r, below);
        }
        sl_update_layer(index, key, state, scratch, delta, r);
#endif
        int32_t *used = delta;
        delta = below;
        below = used;
    }
}
