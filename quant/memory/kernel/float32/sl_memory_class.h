/* The statistics of the classes; every kind of memory implements these two. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

/* A score for each class. */
void sl_memory_scores(const sl_state_t *state, const float *column, float *score);

/* One sample into the statistics. */
void sl_memory_learn_class(sl_state_t *state, sl_memory_scratch_t *memory, uint32_t target);
