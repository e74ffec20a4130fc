/* The verbs of a rule that samples pre-activations, in integers; local reparameterisation: Kingma
 * et al., arXiv 1506.02557. What happens in a layer is the rule's: sl_forward_layer.h,
 * sl_learn_layer.h. */
#include "sl_activate.h"
#include "sl_build.h"
#include "sl_charge.h"
#include "sl_epsilon.h"
#include "sl_forward_layer.h"
#include "sl_front_end.h"
#include "sl_head_gradient.h"
#include "sl_integer.h"
#include "sl_learn_layer.h"
#include "sl_mean.h"
#include "sl_parts.h"
#include "sl_recurrence.h"
#include "sl_replay.h"
#include "sl_rows.h"
#include "sl_step.h"

/* The outputs' sums over the draws; returns the index of the largest. */
static int32_t sl_sum_outputs(sl_scratch_t *scratch) {
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

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    const uint32_t key = sl_step_key(state);
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = (sl_input_t)sl_bias_input(0, SL_INPUT_FRAC_BITS, state);
    }
    sl_list_active(scratch);
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        if (!sl_charge_draws_late(index, scratch)) {
            sl_noise_epsilon(key, index, layer->columns, scratch->epsilon + layer->unit * L);
        }
        sl_forward_layer(index, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        const uint32_t to = sl_layers[index + 1].hidden * L;
        int16_t *hidden = scratch->hidden + to;
        const int32_t frac_bits = sl_activate(index, S, L, to, state, scratch);
        scratch->frac_bits[index + 1] = frac_bits;
        sl_own_keep(index, state, scratch);
        sl_own_join(index + 1, S, L, to, state, scratch);
        const uint32_t bias = layer->columns + sl_own_rows(index + 1);
        for (uint32_t s = 0; SL_BIAS && s < L; s++) {
            hidden[bias * L + s] =
                (int16_t)(s < S ? sl_bias_input(index + 1, frac_bits, state) : 0);
        }
    }
    return sl_sum_outputs(scratch);
}

int32_t sl_rule_forward_mean(const sl_state_t *state, sl_scratch_t *scratch) {
    int32_t frac_bits = SL_INPUT_FRAC_BITS, *a = scratch->block_a;
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = (sl_input_t)sl_bias_input(0, SL_INPUT_FRAC_BITS, state);
    }
    SL_UNROLL_LAYERS
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const uint32_t columns = sl_layers[index].columns;
        sl_mean_layer(index, frac_bits, state, scratch);
        sl_charge_means(index, a, state, scratch);
        if (index + 1 == SL_N_LAYERS) {
            break;
        }
        frac_bits = sl_activate(index, 1, 1, 0, state, scratch);
        sl_own_join(index + 1, 1, 1, 0, state, scratch);
        if (SL_BIAS) {
            scratch->hidden[columns + sl_own_rows(index + 1)] =
                (int16_t)sl_bias_input(index + 1, frac_bits, state);
        }
    }
    for (uint32_t k = SL_N_OUTPUTS; k-- > 0;) { /* every draw is the mean */
        for (uint32_t s = L; s-- > 0;) {
            a[k * L + s] = s < S ? a[k] : 0;
        }
    }
    if (SL_HEAD_SPREAD) {
        sl_rule_no_spread(scratch);
    }
    return sl_sum_outputs(scratch);
}

void sl_rule_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_step_key(state);
    int32_t *delta = scratch->block_a, *below = scratch->block_b;
    sl_head_gradient(scratch, delta, target);
    sl_step_begin(state, scratch, delta);
    SL_UNROLL_LAYERS
    for (uint32_t index = SL_N_LAYERS - 1; index < SL_N_LAYERS; index--) {
        sl_learn_layer(index, key, state, scratch, delta, below);
        int32_t *used = delta;
        delta = below;
        below = used;
    }
    sl_step_end(state, scratch);
}
