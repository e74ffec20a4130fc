#include "sl_traces.h"

#include "sl_signal.h"

static const int32_t sl_trace_leaks[SL_TRACES_N_LEAKS] = SL_TRACES_LEAKS;

/* The exponent of a channel once a value came. */
static int32_t sl_exponent_with(int32_t exponent, uint32_t bits) {
    return (bits & 0x7F800000u) == 0 ? exponent
                                     : sl_min32(exponent, SL_SIGNAL_VALUE_BITS - sl_top(bits));
}

/* A trace once a value came, at the exponent that is finer by `down` bits so far. */
static int32_t sl_trace_with(int32_t trace, int32_t down, int32_t k, int32_t value) {
    return sl_leaked(sl_shift_round32(trace, down), k) + value;
}

void sl_traces_reset(sl_traces_state_t *state) {
    state->waiting = SL_TRACES_HOP;
    for (uint32_t c = 0; c < SL_TRACES_CHANNELS; c++) {
        state->exponent[c] = SL_TRACES_FINEST;
    }
    for (uint32_t i = 0; i < SL_TRACES_CHANNELS * SL_TRACES_N_LEAKS; i++) {
        state->trace[i] = 0;
    }
}

int32_t sl_traces_look(const sl_traces_state_t *state, sl_traces_scratch_t *scratch,
                       const uint32_t *x_bits, uint32_t *feature_bits) {
    (void)scratch;
    if (state->waiting != 1) {
        return 0;
    }
    const int32_t *trace = state->trace;
    for (uint32_t c = 0; c < SL_TRACES_CHANNELS; c++) {
        const int32_t exponent = sl_exponent_with(state->exponent[c], x_bits[c]);
        const int32_t down = state->exponent[c] - exponent;
        const int32_t value = sl_value_at(x_bits[c], exponent, SL_SIGNAL_VALUE_BITS);
        for (uint32_t j = 0; j < SL_TRACES_N_LEAKS; j++) {
            const int32_t found = sl_trace_with(*trace++, down, sl_trace_leaks[j], value);
            *feature_bits++ = sl_real(sl_shift_round32(found, sl_trace_leaks[j]), exponent);
        }
    }
    return 1;
}

void sl_traces_push(sl_traces_state_t *state, const uint32_t *x_bits) {
    int32_t *trace = state->trace;
    for (uint32_t c = 0; c < SL_TRACES_CHANNELS; c++) {
        const int32_t exponent = sl_exponent_with(state->exponent[c], x_bits[c]);
        const int32_t down = state->exponent[c] - exponent;
        const int32_t value = sl_value_at(x_bits[c], exponent, SL_SIGNAL_VALUE_BITS);
        for (uint32_t j = 0; j < SL_TRACES_N_LEAKS; j++, trace++) {
            *trace = sl_trace_with(*trace, down, sl_trace_leaks[j], value);
        }
        state->exponent[c] = exponent;
    }
    state->waiting = state->waiting == 1 ? SL_TRACES_HOP : state->waiting - 1;
}
