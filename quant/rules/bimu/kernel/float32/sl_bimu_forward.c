/* BiMU in float32, the forward pass: the equations of streamlearn/rules/bimu, equation for
 * equation. arXiv 2605.30198; local reparameterisation: Kingma et al., arXiv 1506.02557. */
#include "sl_bimu.h"
#include "sl_bimu_hidden.h"
#include "sl_bimu_later.h"
#include "sl_cut.h"
#include "sl_epsilon.h"
#include "sl_law.h"
#include "sl_parts.h"
#include "sl_replay.h"

/* Computes what some weights are, and keeps it. */
SL_FOLD sl_law_t sl_see_f32(const sl_state_t *state, sl_scratch_t *scratch, uint32_t at,
                            uint32_t n) {
    const sl_law_t law = sl_found_f32(sl_load(state->belief + at, n));
    if (SL_KEEPS_LAWS) {
        const uint32_t part = n < V ? n : V;
        float *kept = scratch->law + SL_KEPT_PARTS * at;
        sl_store(kept, law.mean, n);
        if (SL_RELAXED) {
            sl_store(kept + part, law.variance, n);
            sl_store(kept + 2 * part, law.slope, n);
            sl_store(kept + 3 * part, law.lean, n);
        }
    }
    return law;
}

/* A row's means times x and variances times x^2, added to the sums of n units side by side. */
SL_FOLD void sl_add_row_f32(const sl_state_t *state, sl_scratch_t *scratch, float x, uint32_t at,
                            uint32_t j, uint32_t n) {
    float *mean = scratch->row_mean + j, *power = scratch->row_power + j;
    const sl_law_t law = sl_see_f32(state, scratch, at + j, n);
    sl_store(mean, sl_multiply_add(sl_spread(x), law.mean, sl_load(mean, V)), V);
    sl_store(power, sl_multiply_add(sl_spread(x * x), law.variance, sl_load(power, V)), V);
}

/* Layer 0: all draws have the same input, and rows whose input is 0 are left out. */
SL_INLINE void sl_forward_first_f32(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    const uint32_t columns = layer->columns, whole = columns / V * V;
    for (uint32_t j = 0; j < SL_PADDED(columns); j++) {
        scratch->row_mean[j] = 0;
        scratch->row_power[j] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const float x = scratch->input[i];
        if (x == 0) {
            continue;
        }
        for (uint32_t j = 0; j < whole; j += V) {
            sl_add_row_f32(state, scratch, x, i * columns, j, V);
        }
        if (whole < columns) {
            sl_add_row_f32(state, scratch, x, i * columns, whole, columns - whole);
        }
    }
    for (uint32_t j = 0; j < columns; j++) {
        const float spread = __builtin_sqrtf(scratch->row_power[j]);
        const float inverse = spread > 0 ? 1 / spread : 0;
        for (uint32_t s = 0; s < L; s += V) {
            const sl_vector_t noise = sl_load(scratch->epsilon + j * L + s, V);
            const sl_vector_t mean = sl_spread(scratch->row_mean[j]);
            sl_store(scratch->sums + j * L + s, sl_multiply_add(sl_spread(spread), noise, mean), V);
            sl_store(scratch->inverse + j * L + s, sl_spread(inverse), V);
        }
    }
}

/* A later layer: every draw has inputs of its own; a row that is 0 in all of them is left out. */
SL_INLINE void sl_forward_later_f32(uint32_t index, const sl_state_t *state,
                                    sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t units = sl_later_rows(index), columns = layer->columns;
    const float *below = sl_later_inputs(scratch, index);
    float *sums = scratch->sums + layer->unit * L, *power = scratch->inverse + layer->unit * L;
    for (uint32_t e = 0; e < columns * L; e++) {
        sums[e] = 0;
        power[e] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const float *x = below + i * L;
        const uint32_t is_used = i >= units || sl_used(x);
        for (uint32_t j = 0; (SL_KEEPS_LAWS || is_used) && j < columns; j += V) {
            const uint32_t at = layer->belief + i * columns + j;
            const sl_law_t law = sl_see_f32(state, scratch, at, columns - j);
            sl_store(scratch->row_mean + j, law.mean, V);
            sl_store(scratch->row_power + j, law.variance, V);
        }
        for (uint32_t j = 0; is_used && j < columns; j++) {
            const sl_vector_t t = sl_spread(scratch->row_mean[j]);
            const sl_vector_t v = sl_spread(scratch->row_power[j]);
            SL_UNROLL_VECTORS
            for (uint32_t s = 0; s < L; s += V) {
                float *mean = sums + j * L + s, *square = power + j * L + s;
                const sl_vector_t input = i < units ? sl_load(x + s, V) : sl_spread(1);
                const sl_vector_t squared = sl_later_square(input);
                sl_store(mean, sl_multiply_add(input, t, sl_load(mean, V)), V);
                sl_store(square, sl_multiply_add(squared, v, sl_load(square, V)), V);
            }
        }
    }
    const float *epsilon = scratch->epsilon + layer->unit * L;
    for (uint32_t e = 0; e < columns * L; e += V) {
        const sl_vector_t spread = sl_root(sl_load(power + e, V));
        sl_store(power + e, sl_inverse(spread), V);
        sl_store(sums + e, sl_multiply_add(spread, sl_load(epsilon + e, V), sl_load(sums + e, V)),
                 V);
    }
}

/* The normalised sums of the last layer, scaled, and the class with the largest. */
static int32_t sl_answer_f32(sl_scratch_t *scratch) {
    const float *y = scratch->sums + sl_layers[SL_N_LAYERS - 1].unit * L;
    int32_t best = 0;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        float sum = 0;
        for (uint32_t s = 0; s < L; s++) {
            scratch->delta[k * L + s] = SL_LOGIT_SCALE * y[k * L + s];
        }
        for (uint32_t s = 0; s < S; s++) {
            sum += scratch->delta[k * L + s];
        }
        if (!(sum > -3.0e38f && sum < 3.0e38f)) {
            return SL_ERR_DIVERGED;
        }
        scratch->logit_sum[k] = sum;
        best = sum > scratch->logit_sum[best] ? (int32_t)k : best;
    }
    return best;
}

/* All layers; without draws the noise is 0, so all draws are alike. */
static int32_t sl_forward_f32(const sl_state_t *state, sl_scratch_t *scratch, uint32_t draws) {
    const uint32_t key = sl_step_key(state);
    sl_cut(scratch->input);
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = 1.0f;
    }
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        float *epsilon = scratch->epsilon + layer->unit * L;
        if (draws) {
            sl_noise_epsilon(key, index, layer->columns, epsilon);
        } else {
            for (uint32_t e = 0; e < layer->columns * L; e++) {
                epsilon[e] = 0;
            }
        }
        if (index == 0) {
            sl_forward_first_f32(state, scratch);
        } else {
            sl_forward_later_f32(index, state, scratch);
        }
        if (index + 1 < SL_N_LAYERS) {
            sl_hand_on_f32(index, state, scratch);
        } else {
            sl_measure_f32(index, scratch);
        }
    }
    return sl_answer_f32(scratch);
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    return sl_forward_f32(state, scratch, 1);
}

int32_t sl_rule_forward_mean(const sl_state_t *state, sl_scratch_t *scratch) {
    return sl_forward_f32(state, scratch, 0);
}
