/* The nearest class mean; golden model: quant/memory/golden.py. */
#include "sl_memory_class.h"
#include "sl_memory_real.h"

enum { D = SL_MEMORY_COLUMNS };

void sl_memory_scores(const sl_state_t *state, const float *column, float *score) {
    const float *mean = state->memory_mean;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++, mean += D) {
        float sum = 0.0f;
        for (uint32_t i = 0; i < D; i++) {
            sum += mean[i] * (column[i] - 0.5f * mean[i]);
        }
        score[k] = sum * SL_MEMORY_TEMPERATURE;
    }
}

void sl_memory_learn_class(sl_state_t *state, sl_memory_scratch_t *memory, uint32_t target) {
    float *mean = state->memory_mean + target * D;
    const uint32_t before = state->memory_seen[target], seen = before + (before != 0xFFFFFFFFu);
    const float rate = 1.0f / (float)seen;
    state->memory_seen[target] = seen;
    for (uint32_t i = 0; i < D; i++) {
        mean[i] = before ? mean[i] + (memory->column[i] - mean[i]) * rate : memory->column[i];
    }
}
