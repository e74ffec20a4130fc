/* The metaplastic rule in float32, the forward pass: the equations of
 * streamlearn/rules/metaplastic, equation for equation. Laborieux et al., Nature Communications 12,
 * 2549 (2021). */
#include "sl_float.h"
#include "sl_cut.h"
#include "sl_metaplastic.h"
#include "sl_parts.h"

/* A layer's sums of x sign(W), and what they are measured in. */
SL_INLINE void sl_metaplastic_sum_f32(uint32_t index, const sl_state_t *state,
                                      sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t columns = layer->columns, whole = columns / V * V;
    float *sums = scratch->block_a, square_sum = 0;
    for (uint32_t j = 0; j < SL_PADDED(columns); j++) {
        sums[j] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const float x = sl_row_input(scratch, index, i);
        const float *w = state->hidden_weight + layer->weight + i * columns;
        if (x == 0) {
            continue;
        }
        square_sum += x * x;
        for (uint32_t j = 0; j < whole; j += V) {
            sl_store(sums + j, sl_load(sums + j, V) + sl_signed_f32(w + j, x, V), V);
        }
        if (whole < columns) {
            const sl_vector_t more = sl_signed_f32(w + whole, x, columns - whole);
            sl_store(sums + whole, sl_load(sums + whole, V) + more, V);
        }
    }
    scratch->norm[index] = sl_later_size(index, square_sum);
}

/* The scaled sums of the last layer, and the class with the largest. */
static int32_t sl_metaplastic_answer_f32(sl_scratch_t *scratch) {
    const float size = scratch->norm[SL_N_LAYERS - 1];
    const float scale = size > 0 ? SL_LOGIT_SCALE / size : 0.0f;
    int32_t best = 0;
    for (int32_t k = 0; k < SL_N_CLASSES; k++) {
        const float logit = scratch->block_a[k] * scale;
        if (!(logit > -3.0e38f && logit < 3.0e38f)) {
            return SL_ERR_DIVERGED;
        }
        scratch->logit_sum[k] = logit;
        best = logit > scratch->logit_sum[best] ? k : best;
    }
    return best;
}

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    sl_cut(scratch->input);
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = SL_BIAS_INPUT;
    }
    if (SL_N_BLOCKS) {
        sl_metaplastic_gate(state->seed, scratch);
    }
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        sl_metaplastic_sum_f32(index, state, scratch);
        if (index + 1 < SL_N_LAYERS) {
            sl_later_hand_on(index, state, scratch);
        }
    }
    return sl_metaplastic_answer_f32(scratch);
}

uint32_t sl_rule_undecided(const sl_scratch_t *scratch) {
    uint32_t count = 0;
    for (uint32_t index = 1; index < SL_N_LAYERS; index++) {
        const float *gates = sl_later_gates(scratch, index);
        for (uint32_t j = 0; j < sl_layers[index - 1].columns; j++) {
            count += gates[j] > 0 ? 1u : 0;
        }
    }
    return count;
}
