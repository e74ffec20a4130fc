/* Events of change in integers: delta coding. Golden model: quant/spiking/golden.py. */
#pragma once

#include "sl_build.h"
#include "sl_integer.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum { SL_EVENTS_MAX = 4 };

/* Values become events: by how many thresholds each rose, and, behind them, by how many it fell. */
SL_INLINE void sl_events_count(const sl_state_t *state, sl_scratch_t *scratch) {
    const int32_t threshold = SL_DELTA << SL_INPUT_SHIFT;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        int32_t reference = state->delta_reference[i];
        if (SL_DELTA_LEAK) {
            reference = sl_decay(reference, SL_DELTA_LEAK);
        }
        const int32_t apart = scratch->input[i] * (1 << SL_INPUT_SHIFT) - reference;
        int32_t left = (int32_t)sl_abs32(apart), n = 0;
        for (; n < SL_EVENTS_MAX && left >= threshold; n++) {
            left -= threshold;
        }
        const int32_t rose = apart > 0 ? n : 0, fell = n - rose;
        scratch->new_reference[i] = (int16_t)(reference + (rose - fell) * threshold);
        scratch->input[i] = (sl_input_t)(rose * (1 << SL_INPUT_FRAC_BITS));
        scratch->input[SL_N_FEATURES + i] = (sl_input_t)(fell * (1 << SL_INPUT_FRAC_BITS));
    }
}
