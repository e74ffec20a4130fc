/* What the parts of the metaplastic rule in float32 share. */
#pragma once

#include <stdint.h>

#include "sl_metaplastic_hidden.h"
#include "sl_rule.h"
#include "sl_vector.h"

/* From the inputs of the first layer: scratch.active. */
void sl_metaplastic_gate(uint32_t seed, sl_scratch_t *scratch);

/* The input of a row. */
static inline float sl_row_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    if (index == 0) {
        return scratch->input[i];
    }
    return i < sl_later_rows(index) ? sl_later_inputs(scratch, index)[i] : 1.0f;
}

/* x times the signs of n weights. */
SL_FOLD sl_vector_t sl_signed_f32(const float *w, float x, uint32_t n) {
    return sl_select(sl_load(w, n) < sl_spread(0), sl_spread(-x), sl_spread(x));
}
