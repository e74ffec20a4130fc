#include "sl_window.h"

#include "sl_integer.h"

enum {
    SL_WINDOW_VALUE_BITS = 20,
    SL_WINDOW_SQUARED_BITS = 14,
    SL_WINDOW_DEVIATION_BITS = 14,
    SL_WINDOW_WAVE_BITS = 15,
    SL_WINDOW_LOG_BITS = 8,
    SL_WINDOW_FLOOR_BITS = 14,
};

/* Values of a channel in units of 2^-exponent. */
typedef struct {
    int32_t *value;
    int32_t exponent;
} sl_signal_t;

/* What a raw value is among the newest and those of the state, the oldest first. */
typedef struct {
    const sl_window_state_t *state;
    const uint32_t *newest;
} sl_samples_t;

static uint32_t sl_sample(const sl_samples_t *samples, uint32_t i, uint32_t channel) {
    uint32_t at = samples->state->at + 1 + i;
    at -= at >= SL_WINDOW_N ? SL_WINDOW_N : 0;
    return i + 1 == SL_WINDOW_N ? samples->newest[channel]
                                : samples->state->sample[at * SL_WINDOW_CHANNELS + channel];
}

/* The exponent by which the largest of some channels' values has so many bits. */
static int32_t sl_finest(const sl_samples_t *samples, uint32_t channel, uint32_t channels,
                         int32_t bits) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        for (uint32_t c = 0; c < channels; c++) {
            const uint32_t size = sl_sample(samples, i, channel + c) & 0x7FFFFFFFu;
            most = size > most ? size : most;
        }
    }
    return (most >> 23) == 0 ? bits : bits + 126 - (int32_t)(most >> 23);
}

/* A raw value in units of 2^-exponent, which leave it few bits: half away from zero. */
static int32_t sl_value_at(uint32_t bits, int32_t exponent) {
    const uint32_t field = bits >> 23 & 255u;
    const int32_t right = 150 - (int32_t)field - exponent;
    if (field == 0 || right > 25) {
        return 0;
    }
    const uint32_t size = (bits & 0x7FFFFFu) | 0x800000u;
    const int32_t value = (int32_t)((size + (1u << (right - 1))) >> right);
    return bits >> 31 ? -value : value;
}

/* value 2^-exponent as binary32; below 25 bits. */
static uint32_t sl_real(int32_t value, int32_t exponent) {
    uint32_t size = sl_abs32(value);
    if (size == 0) {
        return 0;
    }
    const int32_t bits = sl_bit_length(size), field = bits + 126 - exponent;
    const uint32_t sign = value < 0 ? 0x80000000u : 0;
    if (field < 1) {
        return 0;
    }
    return field > 254 ? sign | 0x7F7FFFFFu
                       : sign | (uint32_t)field << 23 | (size << (24 - bits) & 0x7FFFFFu);
}

#if SL_WINDOW_HAS_SD || SL_WINDOW_HAS_RMS
/* The root of the mean square, as binary32. */
static uint32_t sl_root(const int32_t *value, int32_t exponent) {
    uint64_t square = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        square += (uint64_t)((int64_t)value[i] * value[i]);
    }
    const int32_t up = (32 - sl_bit_length64(square)) & ~1;
    const uint32_t wide = (uint32_t)(up >= 0 ? square << up : square >> -up);
    return sl_real((int32_t)sl_isqrt32(wide / SL_WINDOW_N), exponent + (up >> 1));
}
#endif

#if SL_WINDOW_BANDS
static const uint16_t sl_edges[SL_WINDOW_BANDS + 1] = SL_WINDOW_EDGES;
static const int16_t sl_wave[SL_WINDOW_N][2] = SL_WINDOW_WAVE;

/* The square of what a signal has in common with a wave of so many cycles. */
static uint64_t sl_power(const int32_t *value, uint32_t cycles) {
    const int64_t half = (int64_t)1 << (SL_WINDOW_WAVE_BITS - 1);
    int64_t cosine = half, sine = half;
    uint32_t at = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        cosine += value[i] * sl_wave[at][0];
        sine += value[i] * sl_wave[at][1];
        at += cycles;
        at -= at >= SL_WINDOW_N ? SL_WINDOW_N : 0;
    }
    cosine >>= SL_WINDOW_WAVE_BITS;
    sine >>= SL_WINDOW_WAVE_BITS;
    return (uint64_t)(cosine * cosine) + (uint64_t)(sine * sine);
}

/* log2 of an integer from 1 on, .8: a straight line between two powers of two. */
static int32_t sl_log2(uint64_t x) {
    const int32_t bits = sl_bit_length64(x), right = bits - 1 - SL_WINDOW_LOG_BITS;
    const int32_t lead = (int32_t)(right >= 0 ? x >> right : x << -right);
    return (bits - 1) * (1 << SL_WINDOW_LOG_BITS) + lead - (1 << SL_WINDOW_LOG_BITS);
}

/* Logarithms of the energies of bands. The values have `down` bits less than the signal's. */
static uint32_t *sl_bands(const int32_t *value, int32_t exponent, int32_t down, uint32_t *to) {
    const uint64_t square = (uint64_t)SL_WINDOW_N * SL_WINDOW_N;
    const int32_t quiet = 2 * (SL_WINDOW_VALUE_BITS - SL_WINDOW_FLOOR_BITS) + 2;
    for (uint32_t band = 0; band < SL_WINDOW_BANDS; band++) {
        uint64_t energy = square << quiet >> (2 * down + 2);
        for (uint32_t cycles = sl_edges[band]; cycles < sl_edges[band + 1]; cycles++) {
            energy += sl_power(value, cycles);
        }
        const int32_t scale = 2 * (exponent - down) * (1 << SL_WINDOW_LOG_BITS);
        *to++ = sl_real(sl_log2(energy) - scale, SL_WINDOW_LOG_BITS);
    }
    return to;
}
#endif

/* What a window says of a channel; its values end as deviations from their mean. */
static uint32_t *sl_describe(sl_signal_t signal, uint32_t *to) {
    int32_t *q = signal.value;
    int32_t total = 0, low = q[0], high = q[0];
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        total += q[i];
        low = sl_min32(low, q[i]);
        high = sl_max32(high, q[i]);
    }
    const int32_t size = (int32_t)((sl_abs32(total) + SL_WINDOW_N / 2) / SL_WINDOW_N);
    const int32_t mean = total < 0 ? -size : size;
#if SL_WINDOW_HAS_RMS
    const uint32_t rms = sl_root(q, signal.exponent);
#endif
    uint32_t crossings = 0;
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        q[i] -= mean;
        crossings += i > 0 && (q[i] > 0) != (q[i - 1] > 0);
    }
    const uint32_t most = sl_abs32(sl_max32(high - mean, mean - low));
    const int32_t down = sl_max32(sl_bit_length(most) - SL_WINDOW_DEVIATION_BITS, 0);
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        q[i] = sl_shift_round32(q[i], down);
    }
#if SL_WINDOW_HAS_MEAN
    *to++ = sl_real(mean, signal.exponent);
#endif
#if SL_WINDOW_HAS_SD
    *to++ = sl_root(q, signal.exponent - down);
#endif
#if SL_WINDOW_HAS_MIN
    *to++ = sl_real(low, signal.exponent);
#endif
#if SL_WINDOW_HAS_MAX
    *to++ = sl_real(high, signal.exponent);
#endif
#if SL_WINDOW_HAS_RANGE
    *to++ = sl_real(high - low, signal.exponent);
#endif
#if SL_WINDOW_HAS_RMS
    *to++ = rms;
#endif
#if SL_WINDOW_HAS_CROSSINGS
    *to++ = sl_real((int32_t)crossings, 0);
#else
    (void)crossings;
#endif
#if SL_WINDOW_BANDS
    to = sl_bands(q, signal.exponent, down, to);
#endif
    return to;
}

#if SL_WINDOW_MAGNITUDE
static sl_signal_t sl_magnitude(const sl_samples_t *samples, int32_t *value) {
    const int32_t up = SL_WINDOW_VALUE_BITS - SL_WINDOW_SQUARED_BITS - 2;
    const int32_t exponent = sl_finest(samples, 0, SL_WINDOW_CHANNELS, SL_WINDOW_SQUARED_BITS);
    for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
        uint32_t square = 0;
        for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
            const uint32_t part = sl_abs32(sl_value_at(sl_sample(samples, i, c), exponent));
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
    const sl_samples_t samples = {state, x_bits};
    for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
        if ((x_bits[c] & 0x7F800000u) == 0x7F800000u) {
            return -1;
        }
    }
    if (state->waiting != 1) {
        return 0;
    }
    for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
        const sl_signal_t signal = {scratch->value,
                                    sl_finest(&samples, c, 1, SL_WINDOW_VALUE_BITS)};
        for (uint32_t i = 0; i < SL_WINDOW_N; i++) {
            signal.value[i] = sl_value_at(sl_sample(&samples, i, c), signal.exponent);
        }
        feature_bits = sl_describe(signal, feature_bits);
    }
#if SL_WINDOW_MAGNITUDE
    sl_describe(sl_magnitude(&samples, scratch->value), feature_bits);
#endif
    return 1;
}

void sl_window_push(sl_window_state_t *state, const uint32_t *x_bits) {
    for (uint32_t c = 0; c < SL_WINDOW_CHANNELS; c++) {
        state->sample[state->at * SL_WINDOW_CHANNELS + c] = x_bits[c];
    }
    state->at = state->at + 1 == SL_WINDOW_N ? 0 : state->at + 1;
    state->waiting = state->waiting == 1 ? SL_WINDOW_HOP : state->waiting - 1;
}
