/* What the memory sees of a sample; golden model: quant/memory/features.py. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

/* The columns of a raw sample, into scratch.memory.column. */
void sl_memory_columns(const sl_state_t *state, sl_memory_scratch_t *memory,
                       const uint32_t *x_bits);

/* Let one sample into the scale. */
void sl_memory_learn_scale(sl_state_t *state, const uint32_t *x_bits);
