/* The backward pass and the update with factored variance; included by sl_mesu_q16_learn.c. */
#include "sl_factored_q16.h"

/* What the gradient by the variances comes to, beside scratch.by_column. */
typedef struct {
    int32_t by_row[L]; /* sum over the units, of each draw; sum of magnitudes below 2^15 */
    int32_t row_exponent, column_exponent;
} sl_curvature_t;

/* Each draw's total / root with 15 or 16 bits, then all at one exponent. */
static void sl_by_row(const int64_t *total, const uint32_t *root, const int32_t *exponent,
                      uint32_t draws, sl_curvature_t *found) {
    uint32_t quotient[L] = {0}, sum = 0;
    int32_t fraction[L] = {0}, least = INT32_MAX;
    for (uint32_t s = 0; s < draws; s++) {
        const uint64_t size = total[s] < 0 ? 0 - (uint64_t)total[s] : (uint64_t)total[s];
        const int32_t up = 31 - sl_bit_length64(size);
        const uint32_t scaled = (uint32_t)(up >= 0 ? size << up : size >> -up);
        quotient[s] = root[s] == 0 ? 0 : scaled / root[s];
        fraction[s] = up - exponent[s];
        if (quotient[s] != 0) {
            least = sl_min32(least, fraction[s]);
        }
    }
    least = least == INT32_MAX ? 0 : least;
    for (uint32_t s = 0; s < draws; s++) {
        quotient[s] = quotient[s] == 0 ? 0 : quotient[s] >> sl_min32(fraction[s] - least, 31);
        sum += quotient[s];
    }
    const int32_t k = sl_max32(0, sl_bit_length(sum) - 15);
    for (uint32_t s = 0; s < L; s++) {
        const int32_t size = (int32_t)(quotient[s] >> k);
        found->by_row[s] = s < draws && total[s] < 0 ? -size : size;
    }
    found->row_exponent += sum == 0 ? 0 : least - k;
}

/* Roots of the draws at one exponent, which is returned; those of 0 stay 0. */
static int32_t sl_block_roots(const uint32_t *root, const int32_t *exponent, uint32_t draws,
                              int32_t *out) {
    int32_t least = INT32_MAX;
    for (uint32_t s = 0; s < draws; s++) {
        least = root[s] != 0 ? sl_min32(least, exponent[s]) : least;
    }
    least = least == INT32_MAX ? 0 : least;
    for (uint32_t s = 0; s < L; s++) {
        const int32_t down = s < draws && root[s] != 0 ? sl_min32(exponent[s] - least, 31) : 0;
        out[s] = s < draws ? (int32_t)(root[s] >> down) : 0;
    }
    return least;
}

SL_INLINE void sl_curvature(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                            const int32_t *delta, int32_t k_delta, sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t *column = state->column + layer->unit;
    const uint16_t *column_root = scratch->column_root + layer->unit;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    const uint32_t draws = index == 0 ? 1 : S;
    const uint32_t *root = scratch->input_root + index * L;
    const int32_t *exponent = scratch->input_exponent + index * L;
    int32_t full[L], total32[L] = {0};
    int64_t total[L] = {0}, *by_column = scratch->by_column;
    const int32_t full_exponent = sl_block_roots(root, exponent, draws, full);
    const int32_t least = (47 - sl_top_octave(column, layer->columns)) >> 1;
    uint64_t most = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int32_t down = sl_root_exponent(column[j]) - least;
        const int32_t whole = column_root[j] >> down, part = column_root[j] >> (down + 3);
        int64_t sum = 0;
        if (index == 0) {
            int32_t noisy = 0;
            for (uint32_t s = 0; s < L; s++) {
                const int32_t blocked = sl_shift_truncate32(delta[j * L + s], k_delta);
                noisy += (blocked * epsilon[j * L + s] + 128) >> 8;
            }
            total[0] += (int64_t)noisy * part;
            sum = (int64_t)noisy * full[0];
        } else {
            for (uint32_t s = 0; s < L; s++) {
                const int32_t noisy = (scratch->block_c[j * L + s] * epsilon[j * L + s] + 128) >> 8;
                total32[s] += noisy * part;
                sum += (int64_t)noisy * full[s];
            }
        }
        by_column[j] = sum * whole;
        const uint64_t size =
            by_column[j] < 0 ? 0 - (uint64_t)by_column[j] : (uint64_t)by_column[j];
        most = size > most ? size : most;
    }
    for (uint32_t s = 0; index != 0 && s < S; s++) {
        total[s] = total32[s];
    }
    found->row_exponent = 17 - k_delta + least;
    sl_by_row(total, root, exponent, draws, found);

    const int32_t k = sl_max32(0, sl_bit_length64(most) - 30);
    int64_t sum = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        const int64_t value = by_column[j];
        by_column[j] = value < 0 ? -(int64_t)((uint64_t)-value >> k) : value >> k;
        sum += by_column[j];
    }
    int64_t mean = sum / (int64_t)layer->columns;
    mean -= mean * (int64_t)layer->columns > sum; /* floor */
    for (uint32_t j = 0; j < layer->columns; j++) {
        by_column[j] -= mean;
    }
    found->column_exponent = 20 - k_delta + full_exponent + least - k;
}

/* Gradient by the layer's inputs, masked by their ReLU, Q4.20, into `below`; block_c has delta. */
SL_INLINE void sl_backward_inputs(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch,
                                  int32_t k_delta, const sl_curvature_t *found, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L, *mu = state->mu + layer->synapse;
    const uint32_t *row = state->row + layer->first;
    const int32_t *blocked = scratch->block_c;
    const int32_t right_mean = state->mu_frac_bits[index] - k_delta;
    const int32_t right_spread =
        8 + scratch->frac_bits[index] + found->row_exponent - layer->v_exponent;
    for (uint32_t i = 0; i < layer->fan_in; i++, mu += layer->columns) {
        int32_t through_mean[L] = {0};
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t m = mu[j];
            SL_DRAWS
            for (uint32_t s = 0; s < L; s++) {
                through_mean[s] += m * blocked[j * L + s];
            }
        }
        const int32_t mantissa = (int32_t)sl_top_bits(row[i], 12);
        const int32_t right = right_spread - sl_factor_octave(row[i]);
        for (uint32_t s = 0; s < L; s++) {
            const int32_t h = x[i * L + s];
            const int32_t product = h * ((mantissa * found->by_row[s]) >> 11);
            int64_t gradient =
                sl_shift_round64(through_mean[s], right_mean) + sl_shift_round64(product, right);
            gradient = h > 0 ? gradient : 0;
            below[i * L + s] = sl_clamp64(gradient, SL_LIMIT24);
            scratch->saturations[SL_SAT_GRADIENT] += below[i * L + s] != gradient;
        }
    }
}

/* A column's factor at the exponent of the largest, 15 bits. */
static inline int32_t sl_column_weight(uint32_t column, int32_t top) {
    return (int32_t)(sl_top_bits(column, 16) >> sl_min32(top - sl_factor_octave(column) + 1, 31));
}

/* x >> right; a negative right shifts left, clamping to +-2^bits. */
static inline int32_t sl_shift_saturate(int32_t x, int32_t right, int32_t bits, uint32_t *count) {
    if (right >= 0) {
        return x >> sl_min32(right, 31);
    }
    const int32_t left = sl_min32(-right, 31);
    return (int32_t)((uint32_t)sl_clamp_count(x, (1 << bits) >> left, count) << left);
}

#ifdef SL_HOST
#define SL_LANE(j) (j)
#else
#define SL_LANE(j) 0
#endif

/* What a row's step of mu takes: factor * w[j] >> right, and the row's dither. */
typedef struct {
    int32_t factor, right;
    uint32_t word;
} sl_row_t;

/* A row's step of mu, with dither by rank one; high bits of `beyond`, on the host of each unit's,
 * tell of what left int16. */
SL_INLINE void sl_update_row(sl_row_t row, int16_t *restrict mu, const int32_t *restrict w,
                             uint32_t n, const uint32_t *restrict column_word,
                             uint32_t *restrict beyond, uint32_t *steps) {
    if (row.right >= 0) {
        const int32_t right = sl_min32(row.right, 31);
        SL_VECTOR
        for (uint32_t j = 0; j < n; j++) {
            const uint32_t dither = (row.word + column_word[j]) & 0xFFFFu;
            const int32_t step = (((row.factor * w[j]) >> right) + (int32_t)dither) >> 16;
            const int32_t wide = mu[j] + step;
            beyond[SL_LANE(j)] |= (uint32_t)wide + 32768u;
            mu[j] = (int16_t)sl_clamp32(wide, -32768, 32767);
        }
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t dither = (row.word + column_word[j]) & 0xFFFFu;
        const int32_t step =
            sl_shift_saturate(row.factor * w[j], row.right, SL_MU_STEP_BITS, steps);
        const int32_t wide = mu[j] + ((step + (int32_t)dither) >> 16);
        beyond[SL_LANE(j)] |= (uint32_t)wide + 32768u;
        mu[j] = (int16_t)sl_clamp32(wide, -32768, 32767);
    }
}

static inline sl_row_t sl_first_row(int32_t x, uint32_t code, int32_t right, uint32_t word) {
    const int32_t factor = -((x * (int32_t)sl_top_bits(code, 16) + 128) >> 8);
    return (sl_row_t){factor, right - sl_factor_octave(code), word};
}

/* Layer 0: all its rows whose input is not 0. On the host a tile of units at a time, so that what
 * the rows share stays in registers. */
#ifdef SL_HOST
SL_INLINE void sl_update_units(const sl_layer_t *layer, const sl_scratch_t *scratch, int16_t *mu,
                               const int32_t *g, const uint32_t *column_word, uint32_t units,
                               uint32_t *beyond, uint32_t *steps) {
    int32_t w[SL_FIRST_TILE] = {0};
    uint32_t word[SL_FIRST_TILE] = {0}, each[SL_FIRST_TILE] = {0};
    for (uint32_t j = 0; j < units; j++) {
        w[j] = g[j];
        word[j] = column_word[j];
    }
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const sl_row_t row = {scratch->row_factor[i], scratch->row_right[i], scratch->row_word[i]};
        sl_update_row(row, mu + i * layer->columns, w, units, word, each, steps);
    }
    for (uint32_t j = 0; j < units; j++) {
        *beyond |= each[j];
    }
}
#endif

SL_INLINE void sl_update_first(const sl_layer_t *layer, sl_state_t *state, sl_scratch_t *scratch,
                               uint32_t key, int32_t right, const int32_t *g, uint32_t *beyond) {
    uint32_t *steps = &scratch->saturations[SL_SAT_GRADIENT];
    int16_t *mu = state->mu + layer->synapse;
    const uint32_t *row = state->row + layer->first;
#ifdef SL_HOST
    for (uint32_t i = 0; i < layer->rows; i++) {
        const sl_row_t made =
            sl_first_row(scratch->input[i], row[i], right, sl_noise_word(key, SL_STREAM_ROW, i));
        scratch->row_factor[i] = made.factor;
        scratch->row_right[i] = made.right;
        scratch->row_word[i] = made.word;
    }
    for (uint32_t j = 0; j < layer->columns; j += SL_FIRST_TILE) {
        if (layer->columns - j >= SL_FIRST_TILE) {
            sl_update_units(layer, scratch, mu + j, g + j, scratch->column_word + j, SL_FIRST_TILE,
                            beyond, steps);
        } else {
            sl_update_units(layer, scratch, mu + j, g + j, scratch->column_word + j,
                            layer->columns % SL_FIRST_TILE, beyond, steps);
        }
    }
#else
    for (uint32_t a = 0; a < scratch->n_active; a++) {
        const uint32_t i = scratch->active[a];
        const uint32_t word = sl_noise_word(key, SL_STREAM_ROW, i);
        sl_update_row(sl_first_row(scratch->input[i], row[i], right, word), mu + i * layer->columns,
                      g, layer->columns, scratch->column_word, beyond, steps);
    }
#endif
}

/* SL_SWEEP samples of the prior's pull on one row of mu; the largest magnitude after it. */
SL_INLINE uint32_t sl_pull_row(int16_t *restrict mu, uint32_t n, int32_t prior, int32_t strength,
                               int32_t right, const int32_t *restrict weight, uint32_t row_word,
                               const uint32_t *restrict column_word, uint32_t *beyond) {
    uint32_t bits = 0;
    int32_t peak = 0;
    right = sl_clamp32(right, 0, 31);
    SL_VECTOR
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t dither = (row_word + column_word[j]) & 0xFFFFu;
        const int32_t step = ((prior - mu[j]) * ((strength * weight[j]) >> 16)) >> right;
        const int32_t wide = mu[j] + ((step + (int32_t)dither) >> 16);
        const int32_t kept = sl_clamp32(wide, -32768, 32767);
        bits |= (uint32_t)wide + 32768u;
        mu[j] = (int16_t)kept;
        peak = sl_max32(peak, kept < 0 ? -kept : kept);
    }
    *beyond |= bits;
    return (uint32_t)peak;
}

/* Later layers: sum a row's x g over the draws, into row_w; g is [draw][unit]. */
SL_INLINE void sl_row_gradient(const int32_t *x, int32_t spare, uint32_t columns,
                               const int32_t *restrict g, int32_t *restrict row_w) {
    SL_VECTOR
    for (uint32_t j = 0; j < columns; j++) {
        int32_t sum = 0;
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            sum += x[s] * g[s * columns + j];
        }
        row_w[j] = sl_shift_round32(sum, spare);
    }
}

SL_INLINE void sl_update_later(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                               uint32_t key, int32_t right, int32_t narrow, int32_t spare,
                               const int32_t *g, uint32_t *beyond) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = scratch->hidden + layer->hidden * L;
    const uint32_t *row = state->row + layer->first;
    uint32_t each[SL_LANE(SL_MAX_UNITS - 1) + 1] = {0};
    for (uint32_t i = 0; i < layer->rows; i++) {
        int32_t narrowed[S], any = 0;
        for (uint32_t s = 0; s < S; s++) {
            narrowed[s] = sl_min32(sl_shift_round32(x[i * L + s], narrow), 255);
            any |= narrowed[s];
        }
        if (any == 0) { /* a row whose input is 0 does not move */
            continue;
        }
        sl_row_gradient(narrowed, spare, layer->columns, g, scratch->row_w);
        const sl_row_t made = {-(int32_t)sl_top_bits(row[i], 12), right - sl_factor_octave(row[i]),
                               sl_noise_word(key, SL_STREAM_ROW + index, i)};
        sl_update_row(made, state->mu + layer->synapse + i * layer->columns, scratch->row_w,
                      layer->columns, scratch->column_word, each,
                      &scratch->saturations[SL_SAT_GRADIENT]);
    }
    for (uint32_t j = 0; j < sizeof each / sizeof each[0]; j++) {
        *beyond |= each[j];
    }
}

static inline uint32_t sl_store_factor(uint32_t code, int64_t step, uint32_t *count) {
    const int64_t wide = (int64_t)code + step;
    const int64_t kept = wide < 0 ? 0 : wide > UINT32_MAX ? UINT32_MAX : wide;
    *count += kept != wide;
    return (uint32_t)kept;
}

/* Add to a code what multiplies its value by 1 + step/mantissa, step = product / 2^right, by 1/2 to
 * 2 at most; the next octave's codes are half or twice as far. */
static inline uint32_t sl_step_factor(uint32_t code, int64_t product, int32_t right,
                                      uint32_t *steps, uint32_t *ends) {
    const int64_t step = sl_shift_round64(product, sl_max32(right, -16)), octave = SL_OCTAVE;
    const int64_t mantissa = sl_top_bits(code, SL_FACTOR_BITS + 1), low = -(mantissa >> 1);
    const int64_t kept = step < low ? low : step > mantissa ? mantissa : step;
    const int64_t made = mantissa + kept;
    const int64_t above = made >= 2 * octave ? octave - ((made + 1) >> 1) : 0;
    *steps += kept != step;
    return sl_store_factor(code, kept + (made < octave ? made - octave : above), ends);
}

static inline uint32_t sl_step_row(uint32_t row, int32_t y, int32_t right, uint32_t *steps,
                                   uint32_t *ends) {
    const uint32_t mantissa = sl_top_bits(row, 16);
    const int64_t product = -((int64_t)(int32_t)((mantissa * mantissa) >> 16) * y);
    return sl_step_factor(row, product, right - sl_factor_octave(row), steps, ends);
}

/* What code * mean(others) / sigma_prior^2 shares: a mantissa of 16 bits, and its shift. */
static uint32_t sl_prior_ratio(const uint32_t *others, uint32_t n, uint32_t mantissa,
                               int32_t *right) {
    const int32_t top = sl_top_octave(others, n);
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        total += sl_top_bits(others[i], 16) >> (top - sl_factor_octave(others[i]));
    }
    const int32_t up = 16 - sl_bit_length(total);
    *right += 42 + up - top;
    return ((up >= 0 ? total << up : total >> -up) * mantissa) >> 16;
}

/* code * mean(others) / sigma_prior^2, Q.16. */
static inline int32_t sl_ratio_of(uint32_t code, uint32_t ratio, int32_t right) {
    const uint32_t product = sl_top_bits(code, 16) * ratio;
    right -= sl_factor_octave(code);
    if (right < 0) {
        return SL_FACTOR_RATIO_MAX;
    }
    const uint32_t u = right > 31 ? 0 : product >> right;
    return u > SL_FACTOR_RATIO_MAX ? SL_FACTOR_RATIO_MAX : (int32_t)u;
}

static inline uint32_t sl_pull_code(uint32_t code, int64_t missing, uint32_t *saturations) {
    const int64_t product = (int64_t)sl_top_bits(code, 16) * SL_PULL_FACTOR * missing;
    return sl_step_factor(code, product, 32, &saturations[SL_SAT_GRADIENT],
                          &saturations[SL_SAT_RHO]);
}

/* SL_SWEEP samples of the prior's pull on all factors. */
static void sl_pull_factors(const sl_layer_t *layer, uint32_t *row, uint32_t *column,
                            uint32_t *saturations) {
    int32_t right_row = layer->ratio_row[1] - layer->v_exponent;
    int32_t right_column = layer->ratio_column[1] - layer->v_exponent;
    const uint32_t by_column =
        sl_prior_ratio(column, layer->columns, (uint32_t)layer->ratio_row[0], &right_row);
    const uint32_t by_row =
        sl_prior_ratio(row, layer->rows, (uint32_t)layer->ratio_column[0], &right_column);
    for (uint32_t i = 0; i < layer->rows; i++) {
        row[i] =
            sl_pull_code(row[i], 65536 - sl_ratio_of(row[i], by_column, right_row), saturations);
    }
    uint64_t sum = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        sum += (uint64_t)sl_ratio_of(column[j], by_row, right_column);
    }
    const int64_t mean = (int64_t)(sum / layer->columns);
    for (uint32_t j = 0; j < layer->columns; j++) {
        column[j] = sl_pull_code(column[j], mean - sl_ratio_of(column[j], by_row, right_column),
                                 saturations);
    }
}

/* Move an octave between rows and columns where the columns' left the middle. */
static void sl_gauge(const sl_layer_t *layer, uint32_t *row, uint32_t *column, uint32_t *count) {
    uint32_t octaves = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        octaves += column[j] >> SL_FACTOR_BITS;
    }
    int64_t move = octaves >= SL_GAUGE_HIGH * layer->columns ? SL_OCTAVE
                   : octaves < SL_GAUGE_LOW * layer->columns ? -SL_OCTAVE
                                                             : 0;
    if (move == 0) {
        return;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        row[i] = sl_store_factor(row[i], move, count);
    }
    for (uint32_t j = 0; j < layer->columns; j++) {
        column[j] = sl_store_factor(column[j], -move, count);
    }
}

/* Give mu a bit more room where it nearly fills its range, a bit less where it is small. */
static void sl_update_range(uint32_t index, uint32_t key, sl_state_t *state,
                            const uint32_t *column_word, uint32_t peak, uint32_t cycle) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t n = layer->rows * layer->columns;
    int16_t *mu = state->mu + layer->synapse, *frac_bits = &state->mu_frac_bits[index];
    if (peak >= SL_PEAK_HIGH && *frac_bits > 0) {
        for (uint32_t i = 0; i < layer->rows; i++, mu += layer->columns) {
            const uint32_t word = sl_noise_word(key, SL_STREAM_RANGE + index, i);
            for (uint32_t j = 0; j < layer->columns; j++) {
                mu[j] = (int16_t)((mu[j] + (int32_t)((word + column_word[j]) & 1u)) >> 1);
            }
        }
        (*frac_bits)--;
        state->mu_peak[index] = (uint16_t)(cycle ? 0 : peak >> 1);
        return;
    }
    state->mu_peak[index] = (uint16_t)(cycle ? 0 : peak);
    if (!cycle || peak >= SL_PEAK_LOW || *frac_bits >= SL_MU_FRAC_BITS_MAX) {
        return;
    }
    int32_t most = 0;
    for (uint32_t e = 0; e < n; e++) {
        most = sl_max32(most, mu[e] < 0 ? -mu[e] : mu[e]);
    }
    if (most < SL_PEAK_LOW) {
        for (uint32_t e = 0; e < n; e++) {
            mu[e] = (int16_t)(mu[e] * 2);
        }
        (*frac_bits)++;
    }
}

SL_INLINE void sl_update_factors(uint32_t index, sl_state_t *state, sl_scratch_t *scratch,
                                 int32_t narrow, sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const int16_t *x = index == 0 ? scratch->input : scratch->hidden + layer->hidden * L;
    uint32_t *restrict row = state->row + layer->first;
    uint32_t *restrict column = state->column + layer->unit;
    uint32_t steps = 0, ends = 0;
    for (uint32_t s = 0; s < L; s++) {
        found->by_row[s] = sl_shift_round32(found->by_row[s] * layer->gain_row[0], 15);
    }
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index] - narrow;
    const int32_t right =
        2 * frac_bits + found->row_exponent + layer->gain_row[1] - layer->v_exponent;
    if (index == 0) {
        const int32_t by_row = found->by_row[0];
        for (uint32_t i = 0; i < layer->rows; i++) {
            row[i] = sl_step_row(row[i], x[i] * x[i] * by_row, right, &steps, &ends);
        }
    } else {
        for (uint32_t i = 0; i < layer->rows; i++) {
            int32_t y = 0;
            for (uint32_t s = 0; s < L; s++) {
                const int32_t narrowed = sl_min32(sl_shift_round32(x[i * L + s], narrow), 255);
                y += narrowed * narrowed * found->by_row[s];
            }
            row[i] = sl_step_row(row[i], y, right, &steps, &ends);
        }
    }
    const int32_t right_column = found->column_exponent + layer->gain_column[1] - 27;
    SL_SCALAR /* clang 22 in vectors of 8: wrong with 9 columns */
        for (uint32_t j = 0; j < layer->columns; j++) {
        const int64_t y = (scratch->by_column[j] * layer->gain_column[0] + (1 << 14)) >> 15;
        const int64_t product = -((int64_t)sl_top_bits(column[j], 16) * y);
        column[j] = sl_step_factor(column[j], product, right_column, &steps, &ends);
    }
    scratch->saturations[SL_SAT_GRADIENT] += steps;
    scratch->saturations[SL_SAT_RHO] += ends;
}

SL_INLINE void sl_update_layer(uint32_t index, uint32_t key, sl_state_t *state,
                               sl_scratch_t *scratch, const int32_t *delta, sl_curvature_t *found) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, draws = index == 0 ? 1 : S;
    const int16_t *x = scratch->hidden + layer->hidden * L;
    int16_t *mu = state->mu + layer->synapse;
    uint32_t *row = state->row + layer->first, *column = state->column + layer->unit;
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
    const int32_t top = sl_top_octave(column, columns);
    int32_t *g = scratch->block_c, *weight = scratch->column_weight;
    sl_gather(delta, columns, index == 0, g);
    const int32_t bits = sl_bit_length(sl_largest(g, columns * draws));
    const int32_t up = bits == 0 ? 0 : 15 - bits;
    for (uint32_t j = 0; j < columns; j++) {
        weight[j] = sl_column_weight(column[j], top);
        for (uint32_t s = 0; s < draws; s++) {
            g[s * columns + j] = sl_shift_round32(g[s * columns + j], -up) * weight[j];
        }
        scratch->column_word[j] = sl_noise_word(key, SL_STREAM_COLUMN + index, j);
    }
    const int32_t exponent = sl_apply_gain(g, columns * draws, SL_GAIN_MU_MANTISSA,
                                           SL_GAIN_MU_EXPONENT, index == 0 ? 15 : 19);
    const int32_t right = frac_bits + up - top + exponent - layer->v_exponent -
                          state->mu_frac_bits[index] + (index == 0 ? 69 : 73 - spare);
    uint32_t beyond = 0;
    if (index == 0) {
        sl_update_first(layer, state, scratch, key, right, g, &beyond);
    } else {
        sl_update_later(index, state, scratch, key, right, narrow, spare, g, &beyond);
    }

    uint32_t peak = state->mu_peak[index];
    const int32_t prior = sl_clamp32(
        sl_shift_round32(layer->mu_prior_q, SL_MU_FRAC_BITS_MAX - state->mu_frac_bits[index]),
        -32768, 32767);
    for (uint32_t i = sl_first_pulled(layer, state->n_samples); i < layer->rows; i += SL_SWEEP) {
        const int32_t strength =
            (int32_t)((sl_top_bits(row[i], 16) * (uint32_t)layer->gain_pull[0]) >> 16);
        const int32_t right_pull =
            25 - layer->v_exponent - sl_factor_octave(row[i]) - top + layer->gain_pull[1];
        const uint32_t most = sl_pull_row(mu + i * columns, columns, prior, strength, right_pull,
                                          weight, sl_noise_word(key, SL_STREAM_PULL + index, i),
                                          scratch->column_word, &beyond);
        peak = most > peak ? most : peak;
    }
    if (beyond >> 16) {
        scratch->saturations[SL_SAT_MU]++;
        peak = 32768;
    }

    sl_update_factors(index, state, scratch, narrow, found);
    const uint32_t cycle = (layer->first + state->n_samples) % SL_SWEEP == 0;
    if (cycle) {
        sl_pull_factors(layer, row, column, scratch->saturations);
    }
    sl_gauge(layer, row, column, &scratch->saturations[SL_SAT_RHO]);
    sl_update_range(index, key, state, scratch->column_word, peak, cycle);
}

/* One layer's backward pass and update; the gradient by its inputs goes into `below`. */
SL_INLINE void sl_learn_layer(uint32_t index, uint32_t key, sl_state_t *state,
                              sl_scratch_t *scratch, const int32_t *delta, int32_t *below) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t k_delta = sl_max32(0, sl_sum_bits(delta, layer->columns) - 16);
    sl_curvature_t found;
    if (index > 0) {
        for (uint32_t e = 0; e < layer->columns * L; e++) {
            scratch->block_c[e] = sl_shift_truncate32(delta[e], k_delta);
        }
    }
    sl_curvature(index, state, scratch, delta, k_delta, &found);
    if (index > 0) {
        sl_backward_inputs(index, state, scratch, k_delta, &found, below);
    }
    sl_update_layer(index, key, state, scratch, delta, &found);
}
