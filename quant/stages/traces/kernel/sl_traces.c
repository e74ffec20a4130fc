#include "sl_traces.h"

#include "sl_signal.h"

static const int32_t sl_trace_leaks[SL_TRACES_N_LEAKS] = SL_TRACES_LEAKS;

/* A channel when a value came: its exponent, by how many bits that is coarser (below 0: finer), and
 * the value. */
typedef struct {
    int32_t exponent, down, value;
} sl_came_t;

/* Whether a channel's traces leave the bits unused that units can be finer by. */
static uint32_t sl_small(const sl_traces_state_t *state, uint32_t c) {
    uint32_t small = state->begun;
    for (uint32_t j = 0; j < SL_TRACES_N_LEAKS; j++) {
        const uint32_t size = sl_abs32(state->trace[c * SL_TRACES_N_LEAKS + j]);
        small &= size >> (sl_trace_leaks[j] + SL_SIGNAL_VALUE_BITS - SL_TRACES_UNUSED_BITS) == 0;
    }
    return small;
}

static sl_came_t sl_came(const sl_traces_state_t *state, uint32_t c, uint32_t bits) {
    const int32_t before = state->exponent[c];
    int32_t now = before;
    if ((bits & 0x7F800000u) != 0) {
        const int32_t finest = SL_SIGNAL_VALUE_BITS - sl_top(bits);
        const int32_t finer = before + SL_TRACES_UNUSED_BITS;
        now = finest >= finer && sl_small(state, c) ? finer : sl_min32(before, finest);
    }
    return (sl_came_t){now, before - now, sl_value_at(bits, now, SL_SIGNAL_VALUE_BITS)};
}

/* A trace when a value came. */
static int32_t sl_traced(const sl_traces_state_t *state, uint32_t i, int32_t k,
                         const sl_came_t *came) {
    return state->begun == 0
               ? came->value * (1 << k)
               : sl_leaked(sl_shift_round32(state->trace[i], came->down), k) + came->value;
}

void sl_traces_reset(sl_traces_state_t *state) {
    state->begun = 0;
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
    for (uint32_t c = 0, i = 0; c < SL_TRACES_CHANNELS; c++) {
        const sl_came_t came = sl_came(state, c, x_bits[c]);
        for (uint32_t j = 0; j < SL_TRACES_N_LEAKS; j++, i++) {
            const int32_t k = sl_trace_leaks[j], trace = sl_traced(state, i, k, &came);
            feature_bits[i] = sl_signal_real(sl_shift_round32(trace, k), came.exponent);
        }
    }
    return 1;
}

void sl_traces_push(sl_traces_state_t *state, const sl_traces_scratch_t *scratch,
                    const uint32_t *x_bits) {
    (void)scratch;
    for (uint32_t c = 0, i = 0; c < SL_TRACES_CHANNELS; c++) {
        const sl_came_t came = sl_came(state, c, x_bits[c]);
        for (uint32_t j = 0; j < SL_TRACES_N_LEAKS; j++, i++) {
            state->trace[i] = sl_traced(state, i, sl_trace_leaks[j], &came);
        }
        state->exponent[c] = came.exponent;
    }
    state->begun = 1;
    state->waiting = state->waiting == 1 ? SL_TRACES_HOP : state->waiting - 1;
}
