#include "sl_window.h"

#include "sl_signal.h"

enum {
    SL_WINDOW_SQUARED_BITS = 14,
    SL_WINDOW_FLOOR_BITS = 14,
};

/* Values of a channel in units of 2^-exponent. */
typedef struct {
    int32_t *value;
    int32_t exponent;
} sl_signal_t;

#if SL_WINDOW_HAS_SD || SL_WINDOW_HAS_RMS
/* The root of the mean square, as binary32. */
static uint32_t sl_window_root(const int32_t *value, int32_t exponent) {
    uint64_t square = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        square += (uint64_t)((int64_t)value[i] * value[i]);
    }
    const int32_t up = (32 - sl_bit_length64(square)) & ~1;
    const uint32_t wide = (uint32_t)(up >= 0 ? square << up : square >> -up);
    return sl_signal_real((int32_t)sl_isqrt32(wide / SL_WINDOW_N), exponent + (up >> 1));
}
#endif

#if SL_WINDOW_BANDS
static const uint16_t sl_edges[SL_WINDOW_BANDS + 1] = SL_WINDOW_EDGES;
static const int16_t sl_wave[SL_WINDOW_N][2] = SL_WINDOW_WAVE;

/* The square of what a signal has in common with a wave of so many cycles. */
static uint64_t sl_power(const int32_t *value, uint32_t cycles) {
    const int64_t half = (int64_t)1 << (SL_SIGNAL_WAVE_BITS - 1);
    int64_t cosine = half, sine = half;
    uint32_t at = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        cosine += value[i] * sl_wave[at][0];
        sine += value[i] * sl_wave[at][1];
        at += cycles;
        at -= at >= SL_WINDOW_N ? SL_WINDOW_N : 0;
    }
    cosine >>= SL_SIGNAL_WAVE_BITS;
    sine >>= SL_SIGNAL_WAVE_BITS;
    return (uint64_t)(cosine * cosine) + (uint64_t)(sine * sine);
}

/* Logarithms of the energies of bands. The values have `down` bits less than the signal's. */
static uint32_t *sl_bands(const int32_t *value, int32_t exponent, int32_t down, uint32_t *to) {
    const uint64_t square = (uint64_t)SL_WINDOW_N * SL_WINDOW_N;
    const int32_t quiet = 2 * (SL_SIGNAL_VALUE_BITS - SL_WINDOW_FLOOR_BITS) + 2;
    for (uint32_t band = 0; band < SL_WINDOW_BANDS; band++) {
        uint64_t energy = square << quiet >> (2 * down + 2);
        for (uint32_t cycles = sl_edges[band]; cycles < sl_edges[band + 1]; cycles++) {
            energy += sl_power(value, cycles);
        }
        const int32_t scale = 2 * (exponent - down) * (1 << SL_SIGNAL_LOG_BITS);
        *to++ = sl_signal_real(sl_log2(energy) - scale, SL_SIGNAL_LOG_BITS);
    }
    return to;
}
#endif

/* What a window says of a channel; its values end as deviations from their mean. */
static uint32_t *sl_describe(sl_signal_t signal, uint32_t *to) {
    int32_t *q = signal.value;
    const sl_around_t around = sl_around(q, SL_WINDOW_N);
#if SL_WINDOW_HAS_RMS
    const uint32_t rms = sl_window_root(q, signal.exponent);
#endif
    uint32_t crossings = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        q[i] -= around.mean;
        crossings += i > 0 && (q[i] > 0) != (q[i - 1] > 0);
    }
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        q[i] = sl_shift_round32(q[i], around.down);
    }
#if SL_WINDOW_HAS_MEAN
    *to++ = sl_signal_real(around.mean, signal.exponent);
#endif
#if SL_WINDOW_HAS_SD
    *to++ = sl_window_root(q, signal.exponent - around.down);
#endif
#if SL_WINDOW_HAS_MIN
    *to++ = sl_signal_real(around.low, signal.exponent);
#endif
#if SL_WINDOW_HAS_MAX
    *to++ = sl_signal_real(around.high, signal.exponent);
#endif
#if SL_WINDOW_HAS_RANGE
    *to++ = sl_signal_real(around.high - around.low, signal.exponent);
#endif
#if SL_WINDOW_HAS_RMS
    *to++ = rms;
#endif
#if SL_WINDOW_HAS_CROSSINGS
    *to++ = sl_signal_real((int32_t)crossings, 0);
#else
    (void)crossings;
#endif
#if SL_WINDOW_BANDS
    to = sl_bands(q, signal.exponent, around.down, to);
#endif
    return to;
}

#if SL_WINDOW_MAGNITUDE
static sl_signal_t sl_magnitude(const sl_past_t *past, int32_t *value) {
    const int32_t up = SL_SIGNAL_VALUE_BITS - SL_WINDOW_SQUARED_BITS - 2;
    const int32_t exponent = sl_finest(past, 0, SL_WINDOW_CHANNELS, SL_WINDOW_SQUARED_BITS);
    for (uint32_t i = 0, slot = past->at; i < SL_WINDOW_N; i++) {
        slot = slot + 1 == SL_WINDOW_N ? 0 : slot + 1;
        const uint32_t *row =
            i + 1 == SL_WINDOW_N ? past->newest : past->ring + slot * SL_WINDOW_CHANNELS;
        uint32_t square = 0;
        for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
            const uint32_t part = sl_abs32(sl_value_in(row[c], exponent));
            square += part * part;
        }
        value[i] = (int32_t)(sl_isqrt32(square) << up);
    }
    return (sl_signal_t){value, exponent + up};
}
#endif

void sl_window_reset(sl_window_state_t *state) {
    state->waiting = SL_WINDOW_N;
    state->at = 0;
}

int32_t sl_window_look(const sl_window_state_t *state, sl_window_scratch_t *scratch,
                       const uint32_t *x_bits, uint32_t *feature_bits) {
    const sl_past_t past = {state->sample, x_bits, state->at, SL_WINDOW_N, SL_WINDOW_CHANNELS};
    if (state->waiting != 1) {
        return 0;
    }
    for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
        const sl_signal_t signal = {scratch->value, sl_finest(&past, c, 1, SL_SIGNAL_VALUE_BITS)};
        sl_past_values(&past, c, signal.exponent, signal.value);
        feature_bits = sl_describe(signal, feature_bits);
    }
#if SL_WINDOW_MAGNITUDE
    sl_describe(sl_magnitude(&past, scratch->value), feature_bits);
#endif
    return 1;
}

void sl_window_push(sl_window_state_t *state, const sl_window_scratch_t *scratch,
                    const uint32_t *x_bits) {
    (void)scratch;
    for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
        state->sample[state->at * SL_WINDOW_CHANNELS + c] = x_bits[c];
    }
    state->at = state->at + 1 == SL_WINDOW_N ? 0 : state->at + 1;
    state->waiting = state->waiting == 1 ? SL_WINDOW_HOP : state->waiting - 1;
}
