/* BiMU in float32, learning: the equations of streamlearn/rules/bimu, equation for equation. */
#include "sl_bimu.h"
#include "sl_bimu_later.h"
#include "sl_head_gradient.h"
#include "sl_law.h"
#include "sl_parts.h"
#include "sl_replay.h"

/* Takes a share of what only makes all outputs larger out of the gradient, and scales that. */
static void sl_output_gradient_f32(sl_scratch_t *scratch) {
    const float *y = scratch->sums + sl_layers[SL_N_LAYERS - 1].unit * L;
    float *delta = scratch->delta, along = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        float product[L];
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t scaled = sl_spread(SL_LOGIT_SCALE) * sl_load(delta + k * L + s, V);
            sl_store(delta + k * L + s, scaled, V);
            sl_store(product + s, scaled * sl_load(y + k * L + s, V), V);
        }
        along += sl_sum_draws(product);
    }
    const float share = SL_RADIAL * (along / (float)(SL_N_OUTPUTS * S));
    for (uint32_t e = 0; e < SL_N_OUTPUTS * L; e += V) {
        const sl_vector_t less = sl_load(y + e, V) * sl_spread(share);
        sl_store(delta + e, sl_load(delta + e, V) - less, V);
    }
}

/* The gradient by the sums of the layer below. */
SL_INLINE void sl_backward_f32(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t units = sl_layers[index - 1].columns, columns = layer->columns;
    const float *x = sl_later_inputs(scratch, index);
    const float size = scratch->size[index], inverse = size > 0 ? 1 / size : 0;
    for (uint32_t i = 0; i < units; i++) {
        float mean[L] = {0}, spread[L] = {0};
        for (uint32_t j = 0; j < columns; j += V) {
            const uint32_t at = layer->belief + i * columns + j;
            const sl_law_t law = sl_law_f32(state, scratch, at, columns - j);
            sl_store(scratch->row_mean + j, law.mean, V);
            sl_store(scratch->row_power + j, law.variance, V);
        }
        for (uint32_t j = 0; j < columns; j++) {
            const sl_vector_t t = sl_spread(scratch->row_mean[j]);
            const sl_vector_t v = sl_spread(scratch->row_power[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                const sl_vector_t d = sl_load(scratch->delta + j * L + s, V);
                const sl_vector_t r = sl_load(scratch->noisy + j * L + s, V);
                sl_store(mean + s, sl_multiply_add(t, d, sl_load(mean + s, V)), V);
                sl_store(spread + s, sl_multiply_add(v, r, sl_load(spread + s, V)), V);
            }
        }
        for (uint32_t s = 0; s < L; s += V) {
            const uint32_t e = i * L + s;
            const sl_vector_t sum =
                sl_multiply_add(sl_load(x + e, V), sl_load(spread + s, V), sl_load(mean + s, V));
            sl_store(scratch->below + e,
                     sl_later_passed(scratch, index, e, sum, sl_spread(inverse)), V);
        }
    }
}

/* The gradient's step on some synapses, from the `at`-th on, by delta x and noisy x^2. */
SL_FOLD void sl_step_f32(sl_state_t *state, const sl_scratch_t *scratch, uint32_t at, uint32_t n,
                         sl_vector_t mean, sl_vector_t noisy, float most) {
    const sl_law_t law = sl_law_f32(state, scratch, at, n);
    const sl_vector_t g = law.slope * (mean - law.lean * noisy), size = sl_most(g, -g);
    const sl_vector_t one = sl_spread(1), caution = sl_spread(SL_CAUTION);
    const sl_vector_t worth = sl_multiply_add(caution, sl_multiply_add(g, law.mean, size), one);
    const sl_vector_t moved = sl_load(state->belief + at, n) - sl_spread(SL_LR) * g / worth;
    sl_store(state->belief + at, sl_within_f32(moved, most), n);
}

/* Layer 0: one input for all draws. */
SL_INLINE void sl_learn_first_f32(uint32_t i, float most, sl_state_t *state,
                                  const sl_scratch_t *scratch) {
    const uint32_t columns = sl_layers[0].columns, whole = columns / V * V, at = i * columns;
    const sl_vector_t x = sl_spread(scratch->input[i]), square = x * x;
    const float *d = scratch->lane, *r = scratch->noisy_lane;
    for (uint32_t j = 0; j < whole; j += V) {
        const sl_vector_t mean = x * sl_load(d + j, V), noisy = square * sl_load(r + j, V);
        sl_step_f32(state, scratch, at + j, V, mean, noisy, most);
    }
    if (whole < columns) {
        const sl_vector_t mean = x * sl_load(d + whole, V), noisy = square * sl_load(r + whole, V);
        sl_step_f32(state, scratch, at + whole, columns - whole, mean, noisy, most);
    }
}

/* Later layers: one input for each draw; `x` is 0 of a bias, which is 1. */
SL_INLINE void sl_learn_later_f32(uint32_t index, uint32_t i, const float *x, float most,
                                  sl_state_t *state, const sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, stride = SL_PADDED(columns);
    for (uint32_t j = 0; j < columns; j += V) {
        sl_vector_t mean = sl_spread(0), noisy = sl_spread(0);
        SL_UNROLL_DRAWS
        for (uint32_t s = 0; s < S; s++) {
            const sl_vector_t input = sl_spread(x ? x[s] : 1), square = sl_later_square(input);
            const float *d = scratch->lane + s * stride, *r = scratch->noisy_lane + s * stride;
            mean = sl_multiply_add(input, sl_load(d + j, V), mean);
            noisy = sl_multiply_add(square, sl_load(r + j, V), noisy);
        }
        const uint32_t at = layer->belief + i * columns + j;
        sl_step_f32(state, scratch, at, columns - j, mean, noisy, most);
    }
}

/* SL_SWEEP samples of the prior's pull on a row; then the ends of a belief. */
static void sl_pull_row_f32(float *belief, uint32_t columns) {
    for (uint32_t j = 0; j < columns; j += V) {
        const sl_vector_t old = sl_load(belief + j, columns - j), one = sl_spread(1);
        const sl_law_t law = sl_hard_f32(sl_tanh_f32(old));
        const sl_vector_t share = sl_least(sl_spread(SL_SWEEP_OVER_WINDOW) * law.variance, one);
        sl_store(belief + j, sl_within_f32(old * (one - share), SL_BELIEF_MAX), columns - j);
    }
}

/* What each unit's draws say over the size of the sums, as the rows' steps read it. */
static void sl_lanes_f32(uint32_t index, sl_scratch_t *scratch) {
    const uint32_t columns = sl_layers[index].columns, stride = SL_PADDED(columns);
    const float whole = 1 / (scratch->size[index] * SL_N_DRAWS);
    for (uint32_t j = 0; j < columns; j++) {
        const float *d = scratch->delta + j * L, *r = scratch->noisy + j * L;
        if (index == 0) {
            scratch->lane[j] = sl_sum_draws(d) * whole;
            scratch->noisy_lane[j] = sl_sum_draws(r) * whole;
            continue;
        }
        for (uint32_t s = 0; s < S; s++) {
            scratch->lane[s * stride + j] = d[s] * whole;
            scratch->noisy_lane[s * stride + j] = r[s] * whole;
        }
    }
}

/* Steps and pull of a layer's rows. */
SL_INLINE void sl_learn_rows_f32(uint32_t index, sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t learns = scratch->size[index] > 0, columns = layer->columns;
    uint32_t pulled = (0u - (layer->first + state->n_samples)) & (SL_SWEEP - 1u);
    pulled = SL_REPLAYING(state) ? layer->rows : pulled;
    if (learns) {
        sl_lanes_f32(index, scratch);
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const uint32_t bias = index > 0 && i >= sl_later_rows(index);
        const float *x = index == 0 || bias ? 0 : sl_later_inputs(scratch, index) + i * L;
        const float most = i == pulled ? 3.0e38f : SL_BELIEF_MAX; /* a pull comes before the ends */
        if (learns && index == 0 && scratch->input[i] != 0) {
            sl_learn_first_f32(i, most, state, scratch);
        } else if (learns && index > 0 && (bias || sl_used(x))) {
            sl_learn_later_f32(index, i, x, most, state, scratch);
        }
        if (i == pulled) {
            sl_pull_row_f32(state->belief + layer->belief + i * columns, columns);
            pulled += SL_SWEEP;
        }
    }
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    sl_head_gradient(scratch, scratch->delta, target);
    sl_output_gradient_f32(scratch);
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        const sl_layer_t *layer = &sl_layers[index];
        for (uint32_t e = 0; e < layer->columns * L; e += V) {
            const uint32_t at = layer->unit * L + e;
            const sl_vector_t ratio =
                sl_load(scratch->epsilon + at, V) * sl_load(scratch->inverse + at, V);
            sl_store(scratch->noisy + e, sl_load(scratch->delta + e, V) * ratio, V);
        }
        if (index > 0) {
            sl_backward_f32(index, state, scratch);
        }
        sl_learn_rows_f32(index, state, scratch);
        for (uint32_t e = 0; index > 0 && e < sl_layers[index - 1].columns * L; e++) {
            scratch->delta[e] = scratch->below[e];
        }
    }
}
