/* Events of change in float32: delta coding. */
#pragma once

#include "sl_build.h"
#include "sl_float.h"
#include "sl_rule.h"
#include "sl_trace.h"

#define SL_EVENTS_MAX 4.0f

/* Values become events: by how many thresholds each rose, and, behind them, by how many it fell. */
SL_INLINE void sl_events_count(const sl_state_t *state, sl_scratch_t *scratch) {
    const float threshold = SL_DELTA / 16.0f;
    const float keep = SL_DELTA_LEAK ? 1.0f - 1.0f / (float)(1u << SL_DELTA_LEAK) : 1.0f;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const float reference = sl_leak(state->delta_reference[i], keep, SL_TRACE_END);
        const float apart = scratch->input[i] - reference;
        float left = __builtin_fabsf(apart), n = 0;
        for (; n < SL_EVENTS_MAX && left >= threshold; n++) {
            left -= threshold; /* exact: no quotient is rounded up */
        }
        const float rose = apart > 0 ? n : 0.0f, fell = n - rose;
        scratch->new_reference[i] = reference + (rose - fell) * threshold;
        scratch->input[i] = rose;
        scratch->input[SL_N_FEATURES + i] = fell;
    }
}
