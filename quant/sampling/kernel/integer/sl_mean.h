/* A layer's pre-activations with the mean weights alone: nothing is drawn, so one input is enough.
 */
#pragma once

#include "sl_average.h"
#include "sl_few_rows.h"
#include "sl_front_end_scratch.h"
#include "sl_integer.h"
#include "sl_pre_activation.h"
#include "sl_rule.h"

/* Row i of a layer's input; of a later layer it is the only draw. */
SL_FOLD int32_t sl_mean_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    return index == 0 ? scratch->input[i] : scratch->hidden[i];
}

/* The sum of the magnitudes of a layer's input. */
SL_FOLD uint32_t sl_mean_size(const sl_scratch_t *scratch, uint32_t index) {
    uint32_t size = 0, i = 0;
#if SL_DSP
    for (; index == 0 && i + 4 <= sl_layers[0].rows; i += 4) { /* a byte each */
        uint32_t four;
        __builtin_memcpy(&four, scratch->input + i, sizeof four);
        __asm("usada8 %0, %1, %2, %0" : "+r"(size) : "r"(four ^ 0x80808080u), "r"(0x80808080u));
    }
#endif
    for (; i < sl_layers[index].rows; i++) {
        size += sl_abs32(sl_mean_input(scratch, index, i));
    }
    return size;
}

/* The rows whose input is not 0: sets [unit], the inputs shortened as in every forward pass, and
 * returns by how many bits. */
SL_INLINE int32_t sl_mean_sums(uint32_t index, const sl_state_t *state, const sl_scratch_t *scratch,
                               int32_t *sum) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t rows = layer->rows, columns = layer->columns;
    const int16_t *mu = SL_MEANS(state, scratch) + layer->synapse;
    const int32_t k_mean = sl_max32(0, sl_bit_length(sl_mean_size(scratch, index)) - 16);
    for (uint32_t j = 0; j < columns; j++) {
        sum[j] = 0;
    }
#if SL_SMALL
    for (uint32_t i = 0; i < rows; i++, mu += columns) {
        const int32_t x = sl_shift_truncate32(sl_mean_input(scratch, index, i), k_mean);
        sl_row_add(sum, mu, columns, &x, 1);
    }
#else
    const int32_t below = (1 << k_mean) - 1;
    uint32_t n = 0;
    sl_few_rows_t few;
    for (uint32_t i = 0; i < rows; i++, mu += columns) {
        const int32_t x = sl_mean_input(scratch, index, i);
        if (x == 0) {
            continue;
        }
        few.row[n] = mu;
        few.x[n] = (x + (x >> 31 & below)) >> k_mean; /* towards 0 */
        if (++n == SL_FEW_ROWS) {
            sl_few_rows_add(sum, &few, columns);
            n = 0;
        }
    }
    if (n != 0) {
        for (; n < SL_FEW_ROWS; n++) {
            few.row[n] = few.row[0];
            few.x[n] = 0;
        }
        sl_few_rows_add(sum, &few, columns);
    }
#endif
    return k_mean;
}

/* Into block_a, Q15.16, [unit]. */
SL_ONE_COPY SL_INLINE void sl_mean_layer(uint32_t index, int32_t frac_bits, const sl_state_t *state,
                                         sl_scratch_t *scratch) {
    int32_t *a = scratch->block_a;
    const int32_t k_mean = sl_mean_sums(index, state, scratch, a);
    const int32_t right = frac_bits - k_mean + sl_rule_mu_frac_bits(state, index) - 16;
    for (uint32_t j = 0; j < sl_layers[index].columns; j++) {
        a[j] = sl_centre(a[j], right, &scratch->saturations[SL_SAT_ACTIVATION]);
    }
}
