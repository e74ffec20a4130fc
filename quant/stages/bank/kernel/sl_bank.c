#include "sl_bank.h"

#include "sl_signal.h"

enum {
    SL_BANK_PART_BITS = 15,
    SL_BANK_WEIGHT_BITS = 8,
    SL_BANK_FLOOR = 16 << SL_BANK_WEIGHT_BITS,
    SL_BANK_QUIET_SHIFT_MAX = 30,
    SL_BANK_NOISE = (3 * (int32_t)SL_BANK_N) << (SL_BANK_WEIGHT_BITS - 3),
};

static const int16_t sl_hann[SL_BANK_N] = SL_BANK_HANN;
static const int16_t sl_turn[SL_BANK_SIZE / 2][2] = SL_BANK_WAVE;
static const uint16_t sl_spans[SL_BANK_BANDS][2] = SL_BANK_SPANS; /* where a triangle is not 0 */
static const uint16_t sl_weights[SL_BANK_N_WEIGHTS] = SL_BANK_WEIGHTS;

static uint32_t sl_mirrored(uint32_t i) {
    uint32_t found = 0;
    for (uint32_t bit = 0; bit < SL_BANK_SIZE_BITS; bit++) {
        found = found << 1 | (i >> bit & 1u);
    }
    return found;
}

/* Brings all parts to 15 bits at most; returns the bits that they lost. */
static int32_t sl_narrowed(sl_bank_scratch_t *of) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < SL_BANK_SIZE; i++) {
        most |= sl_abs32(of->re[i]) | sl_abs32(of->im[i]);
    }
    const int32_t down = sl_max32(sl_bit_length(most) - SL_BANK_PART_BITS, 0);
    for (uint32_t i = 0; down > 0 && i < SL_BANK_SIZE; i++) {
        of->re[i] = sl_shift_round32(of->re[i], down);
        of->im[i] = sl_shift_round32(of->im[i], down);
    }
    return down;
}

/* One pair of points, `apart` from each other. */
static void sl_butterfly(int32_t *re, int32_t *im, uint32_t apart, const int16_t *turn) {
    const int32_t half = 1 << (SL_SIGNAL_WAVE_BITS - 1), c = turn[0], s = turn[1];
    const int32_t a = re[apart], b = im[apart];
    const int32_t tr = (a * c + b * s + half) >> SL_SIGNAL_WAVE_BITS;
    const int32_t ti = (b * c - a * s + half) >> SL_SIGNAL_WAVE_BITS;
    re[apart] = re[0] - tr;
    im[apart] = im[0] - ti;
    re[0] += tr;
    im[0] += ti;
}

/* A Fourier transform in place, of points in mirrored order; returns the bits that it lost. */
static int32_t sl_transform(sl_bank_scratch_t *of) {
    int32_t lost = 0;
    for (uint32_t half = 1; half < SL_BANK_SIZE; half *= 2) {
        lost += sl_narrowed(of);
        for (uint32_t i = 0; i < half; i++) {
            const int16_t *turn = sl_turn[i * (SL_BANK_SIZE / 2 / half)];
            for (uint32_t at = i; at < SL_BANK_SIZE; at += 2 * half) {
                sl_butterfly(of->re + at, of->im + at, half, turn);
            }
        }
    }
    return lost + sl_narrowed(of);
}

/* log2 of a band's energy, which is in units of 2^(-2 exponent). */
static int32_t sl_loudness(uint64_t energy, int32_t exponent) {
    const int32_t up = 2 * (SL_BANK_QUIET + exponent);
    int32_t units = -2 * exponent;
    if (up > SL_BANK_QUIET_SHIFT_MAX) { /* what is quiet is all that there is */
        energy = SL_BANK_NOISE;
        units = 2 * SL_BANK_QUIET;
    } else if (up >= 0) {
        energy += ((uint64_t)SL_BANK_NOISE << up) + SL_BANK_FLOOR;
    } else {
        energy += ((uint64_t)SL_BANK_NOISE >> sl_min32(-up, 62)) + SL_BANK_FLOOR;
    }
    return sl_log2(energy) + (units - SL_BANK_WEIGHT_BITS) * (1 << SL_SIGNAL_LOG_BITS);
}

/* One channel of a frame: its values under the window, in mirrored order; returns the exponent. */
static int32_t sl_framed(const sl_past_t *past, uint32_t channel, sl_bank_scratch_t *of) {
    const int32_t exponent = sl_finest(past, channel, 1, SL_SIGNAL_VALUE_BITS);
    int32_t *q = of->im;
    for (uint32_t i = 0; i < SL_BANK_N; i++) {
        q[i] = sl_value_at(sl_past(past, i, channel), exponent, SL_SIGNAL_VALUE_BITS);
    }
    const sl_around_t around = sl_around(q, SL_BANK_N);
    const int32_t half = 1 << (SL_SIGNAL_WAVE_BITS - 1);
    for (uint32_t i = 0; i < SL_BANK_SIZE; i++) {
        int32_t value = 0;
        if (i < SL_BANK_N) {
            value = sl_shift_round32(q[i] - around.mean, around.down) * sl_hann[i];
        }
        of->re[sl_mirrored(i)] = (value + half) >> SL_SIGNAL_WAVE_BITS;
    }
    for (uint32_t i = 0; i < SL_BANK_SIZE; i++) {
        of->im[i] = 0;
    }
    return exponent - around.down;
}

void sl_bank_reset(sl_bank_state_t *state) {
    state->waiting = SL_BANK_N;
    state->at = 0;
}

int32_t sl_bank_look(const sl_bank_state_t *state, sl_bank_scratch_t *scratch,
                     const uint32_t *x_bits, uint32_t *feature_bits) {
    const sl_past_t past = {state->sample, x_bits, state->at, SL_BANK_N, SL_BANK_CHANNELS};
    if (state->waiting != 1) {
        return 0;
    }
    for (uint32_t c = 0; c < SL_BANK_CHANNELS; c++) {
        int32_t exponent = sl_framed(&past, c, scratch);
        exponent -= sl_transform(scratch);
        const uint16_t *weight = sl_weights;
        for (uint32_t band = 0; band < SL_BANK_BANDS; band++) {
            uint64_t energy = 0;
            for (uint32_t k = sl_spans[band][0]; k < sl_spans[band][1]; k++) {
                const int32_t re = scratch->re[k], im = scratch->im[k];
                const uint32_t power = (uint32_t)(re * re) + (uint32_t)(im * im);
                energy += (uint64_t)power * *weight++;
            }
            *feature_bits++ = sl_signal_real(sl_loudness(energy, exponent), SL_SIGNAL_LOG_BITS);
        }
    }
    return 1;
}

void sl_bank_push(sl_bank_state_t *state, const uint32_t *x_bits) {
    for (uint32_t c = 0; c < SL_BANK_CHANNELS; c++) {
        state->sample[state->at * SL_BANK_CHANNELS + c] = x_bits[c];
    }
    state->at = state->at + 1 == SL_BANK_N ? 0 : state->at + 1;
    state->waiting = state->waiting == 1 ? SL_BANK_HOP : state->waiting - 1;
}
