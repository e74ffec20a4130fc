/* The memory beside the network, and the pool of both; golden model: quant/memory/golden.py. */
#pragma once

#include <stdint.h>

#include "sl_rule.h"

/* From the network's logits to the pool's class, the lowest of equals. */
int32_t sl_memory_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                          int32_t predicted);

/* One update, from what sl_memory_predict left in the scratch. */
void sl_memory_update(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                      uint32_t target);

/* The class by the memory alone; no network is run. */
int32_t sl_memory_recall(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);

/* What the host reads of an answer: log-probabilities. */
#define SL_RECALLED(scratch, k) ((double)(scratch)->memory.log[SL_MEMORY_OWN][k])
#define SL_ANSWERED(scratch, k)                                                                    \
    ((double)(scratch)->memory.log[(scratch)->memory.trusted ? SL_MEMORY_POOLED : SL_MEMORY_NET][k])
