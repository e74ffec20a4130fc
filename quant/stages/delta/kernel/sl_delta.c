#include "sl_delta.h"

#include "sl_signal.h"

enum { SL_DELTA_EVENTS_MAX = 127, SL_DELTA_REFERENCE_BITS = 28 };

static const int32_t sl_thresholds[SL_DELTA_CHANNELS] = SL_DELTA_THRESHOLDS;
static const int32_t sl_exponents[SL_DELTA_CHANNELS] = SL_DELTA_EXPONENTS;
#if SL_DELTA_LEAK
static const int32_t sl_rests[SL_DELTA_CHANNELS] = SL_DELTA_RESTS;
#endif

/* By how many thresholds a channel moves; and the reference that is left behind. */
static int32_t sl_moved(const sl_delta_state_t *state, uint32_t c, uint32_t bits,
                        int32_t *reference) {
    const int32_t q = sl_value_at(bits, sl_exponents[c], SL_DELTA_REFERENCE_BITS);
    if (state->begun == 0) {
        *reference = q;
        return 0;
    }
    int32_t from = state->reference[c];
#if SL_DELTA_LEAK
    from = sl_rests[c] + sl_leaked(from - sl_rests[c], SL_DELTA_LEAK);
#endif
    const uint32_t many = sl_abs32(q - from) / (uint32_t)sl_thresholds[c];
    const int32_t size = many > SL_DELTA_EVENTS_MAX ? SL_DELTA_EVENTS_MAX : (int32_t)many;
    const int32_t n = q < from ? -size : size;
    *reference = from + n * sl_thresholds[c];
    return n;
}

void sl_delta_reset(sl_delta_state_t *state) {
    state->begun = 0;
    for (uint32_t c = 0; c < SL_DELTA_CHANNELS; c++) {
        state->reference[c] = 0;
    }
}

int32_t sl_delta_look(const sl_delta_state_t *state, sl_delta_scratch_t *scratch,
                      const uint32_t *x_bits, uint32_t *feature_bits) {
    (void)scratch;
    for (uint32_t c = 0; c < SL_DELTA_CHANNELS; c++) {
        int32_t reference;
        const int32_t n = sl_moved(state, c, x_bits[c], &reference);
        *feature_bits++ = sl_signal_real(sl_max32(n, 0), 0);
        *feature_bits++ = sl_signal_real(sl_max32(-n, 0), 0);
    }
    return 1;
}

void sl_delta_push(sl_delta_state_t *state, const sl_delta_scratch_t *scratch,
                   const uint32_t *x_bits) {
    (void)scratch;
    for (uint32_t c = 0; c < SL_DELTA_CHANNELS; c++) {
        int32_t reference;
        (void)sl_moved(state, c, x_bits[c], &reference);
        state->reference[c] = reference;
    }
    state->begun = 1;
}
