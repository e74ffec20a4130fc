/* The metaplastic rule in integers, the forward pass. Golden model: the rule's golden.py.
 * Laborieux et al., Nature Communications 12, 2549 (2021). */
#include "sl_cut.h"
#include "sl_metaplastic.h"
#include "sl_parts.h"

/* Notes a row in use. */
static inline void sl_use(uint32_t i, int32_t x, sl_rows_t *rows, sl_scratch_t *scratch) {
    const uint32_t at = x > 0 ? rows->positive++ : SL_MAX_ROWS - ++rows->negative;
    scratch->row[at] = (uint16_t)i;
    scratch->row_size[at] = (uint8_t)sl_abs32(x);
    rows->total += x;
}

/* Lists the rows in use, and the norm of the layer's input. */
static sl_rows_t sl_rows_of(uint32_t index, sl_scratch_t *scratch) {
    const uint32_t n = sl_layers[index].rows;
    sl_rows_t rows = {0, 0, 0};
    uint32_t square_sum = index == 0 || SL_GRADED ? 0 : n;
    if (index == 0 || SL_GRADED) {
        for (uint32_t i = 0; i < n; i++) {
            const int32_t x = sl_row_input(scratch, index, i);
            if (x != 0) {
                sl_use(i, x, &rows, scratch);
                square_sum += (uint32_t)(x * x);
            }
        }
    } else {
        for (uint32_t i = 0; i < n; i++) {
            const int32_t x = sl_row_input(scratch, index, i);
            if (SL_N_BLOCKS && x == 0) {
                square_sum--;
                continue;
            }
            sl_use(i, x, &rows, scratch);
        }
    }
    sl_later_measure(index, square_sum, scratch);
    return rows;
}

#if SL_N_BLOCKS
/* The sums of the active blocks. The host adds whole rows, which fill its registers. */
static void sl_sum_active(const sl_state_t *state, sl_rows_t rows, sl_scratch_t *scratch) {
    const int8_t *weights = state->hidden_weight;
    const uint32_t width = sl_layers[0].width;
    if (SL_ON_HOST) {
        sl_metaplastic_sum(weights, width, rows, scratch, scratch->sums);
    } else {
        uint32_t n = 0, next = 0; /* a word may have columns of several blocks */
        for (uint32_t e = 0; e < SL_N_BLOCKS; e++) {
            next = (uint32_t)sl_max32((int32_t)next, (int32_t)(e * SL_BLOCK_UNITS / 4));
            for (; scratch->active[e] && 4 * next < (e + 1) * SL_BLOCK_UNITS; next++) {
                scratch->column[n++] = (uint16_t)next;
            }
        }
        sl_metaplastic_sum_words(weights, width, n, rows, scratch, scratch->sums);
    }
    for (uint32_t e = 0; e < SL_N_BLOCKS; e++) {
        for (uint32_t j = 0; !scratch->active[e] && j < SL_BLOCK_UNITS; j++) {
            scratch->sums[e * SL_BLOCK_UNITS + j] = SL_IDLE;
        }
    }
}
#endif

int32_t sl_rule_forward(const sl_state_t *state, sl_scratch_t *scratch) {
    sl_cut(scratch->input);
    if (SL_BIAS) {
        scratch->input[SL_N_INPUTS] = SL_BIAS_INPUT;
    }
    for (uint32_t index = 0; index < SL_N_LAYERS; index++) {
        const sl_layer_t *layer = &sl_layers[index];
        const sl_rows_t rows = sl_rows_of(index, scratch);
#if SL_N_BLOCKS
        if (index == 0) {
            sl_metaplastic_gate(state->seed, rows, scratch);
            sl_sum_active(state, rows, scratch);
            continue;
        }
#endif
        sl_metaplastic_sum(state->hidden_weight + layer->weight, layer->width, rows, scratch,
                           scratch->sums + layer->sums);
        sl_later_hand_on(index, state, scratch);
    }
    const int32_t *z = scratch->sums + sl_layers[SL_N_LAYERS - 1].sums;
    const uint32_t mantissa = scratch->norm_mantissa[SL_N_LAYERS - 1];
    const int64_t inverse = mantissa == 0 ? 0 : SL_LOGIT_SCALE / mantissa;
    const int32_t right = 12 - scratch->norm_exponent[SL_N_LAYERS - 1];
    int32_t best = 0;
    for (int32_t k = 0; k < SL_N_CLASSES; k++) {
        scratch->logit_sum[k] = (int32_t)sl_shift_round64(z[k] * inverse, right);
        best = scratch->logit_sum[k] > scratch->logit_sum[best] ? k : best;
    }
    return best;
}

uint32_t sl_rule_undecided(const sl_scratch_t *scratch) {
    uint32_t count = 0;
    for (uint32_t index = 0; index + 1 < SL_N_LAYERS; index++) {
        const sl_later_t units = sl_later_units(scratch, index);
        for (uint32_t j = 0; j < sl_layers[index].columns; j++) {
            count += sl_later_learns(units, j) ? 1u : 0;
        }
    }
    return count;
}
