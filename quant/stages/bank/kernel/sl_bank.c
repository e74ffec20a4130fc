#include "sl_bank.h"

#include "sl_signal.h"

enum {
    SL_BANK_PART_BITS = 15,
    SL_BANK_LAST_BITS = 14,
    SL_BANK_WEIGHT_BITS = 8,
    SL_BANK_FLOOR = 16 << SL_BANK_WEIGHT_BITS,
    SL_BANK_QUIET_SHIFT_MAX = 30,
    SL_BANK_NOISE = (3 * (int32_t)SL_BANK_N) << (SL_BANK_WEIGHT_BITS - 3),
};

static const int16_t sl_hann[SL_BANK_N] = SL_BANK_HANN;
static const int16_t sl_wave_of[SL_BANK_SIZE / 4 * 3][2] = SL_BANK_WAVE;
static const uint16_t sl_spans[SL_BANK_BANDS][2] = SL_BANK_SPANS; /* where a triangle is not 0 */
static const uint16_t sl_weights[SL_BANK_N_WEIGHTS] = SL_BANK_WEIGHTS;

/* What a part adds to the number of bits that all need: -2^15 has 15, as 2^15 - 1 has. */
static inline uint32_t sl_part_size(sl_part_t x) {
    return (uint32_t)(x.re ^ x.re >> 31) | (uint32_t)(x.im ^ x.im >> 31);
}

static inline sl_part_t sl_narrow(sl_part_t x, int32_t down) {
    const int32_t half = (1 << down) >> 1;
    return (sl_part_t){(x.re + half) >> down, (x.im + half) >> down};
}

/* A part turned by a wave; bits: of the wave, and by how many more it is halved. */
static inline sl_part_t sl_turn(sl_part_t x, const int16_t *wave, int32_t bits) {
    const int32_t half = 1 << (bits - 1), c = wave[0], s = wave[1];
    return (sl_part_t){(x.re * c + x.im * s + half) >> bits, (x.im * c - x.re * s + half) >> bits};
}

static inline sl_part_t sl_plus(sl_part_t a, sl_part_t b) {
    return (sl_part_t){a.re + b.re, a.im + b.im};
}

static inline sl_part_t sl_minus(sl_part_t a, sl_part_t b) {
    return (sl_part_t){a.re - b.re, a.im - b.im};
}

#if SL_BANK_SIZE_BITS % 2 == 0
/* Joins single points two by two. */
static uint32_t sl_twofold(const sl_part_t *from, sl_part_t *to) {
    uint32_t sizes = 0;
    for (uint32_t i = 0; i < SL_BANK_HALF / 2; i++) {
        const sl_part_t a = from[i], b = from[i + SL_BANK_HALF / 2];
        to[2 * i] = sl_plus(a, b);
        to[2 * i + 1] = sl_minus(a, b);
        sizes |= sl_part_size(to[2 * i]) | sl_part_size(to[2 * i + 1]);
    }
    return sizes;
}
#endif

/* Joins four transforms of some length at a time: the frequency k of each. */
static inline uint32_t sl_fourfold_at(const sl_part_t *from, sl_part_t *to, uint32_t length,
                                      uint32_t k, int32_t down) {
    const uint32_t apart = SL_BANK_HALF / 4, turn = k * (SL_BANK_SIZE / 4 / length);
    uint32_t sizes = 0;
    to += k;
    for (uint32_t i = k; i < apart; i += length, to += 4 * length) {
        const sl_part_t a = sl_narrow(from[i], down);
        sl_part_t b = sl_narrow(from[i + apart], down);
        sl_part_t c = sl_narrow(from[i + 2 * apart], down);
        sl_part_t d = sl_narrow(from[i + 3 * apart], down);
        if (k != 0) {
            b = sl_turn(b, sl_wave_of[turn], SL_SIGNAL_WAVE_BITS);
            c = sl_turn(c, sl_wave_of[2 * turn], SL_SIGNAL_WAVE_BITS);
            d = sl_turn(d, sl_wave_of[3 * turn], SL_SIGNAL_WAVE_BITS);
        }
        const sl_part_t even = sl_plus(a, c), odd = sl_minus(a, c);
        const sl_part_t plus = sl_plus(b, d), minus = sl_minus(b, d);
        const sl_part_t first = sl_plus(even, plus), third = sl_minus(even, plus);
        const sl_part_t second = {odd.re + minus.im, odd.im - minus.re};
        const sl_part_t fourth = {odd.re - minus.im, odd.im + minus.re};
        to[0] = first;
        to[length] = second;
        to[2 * length] = third;
        to[3 * length] = fourth;
        sizes |= sl_part_size(first) | sl_part_size(second);
        sizes |= sl_part_size(third) | sl_part_size(fourth);
    }
    return sizes;
}

/* How many bits parts of such sizes lose, so that so many are left. */
static inline int32_t sl_too_wide(uint32_t sizes, int32_t bits) {
    return sl_max32(sl_bit_length(sizes) - bits, 0);
}

/* A Fourier transform of points in the first place; returns the bits that its parts lost, but for
 * the last ones, which are in *down, and where they are in *at. */
static int32_t sl_transform(sl_bank_scratch_t *of, uint32_t *at, int32_t *down) {
    uint32_t length = 1, which = 0, sizes = 0;
    int32_t lost = 0;
#if SL_BANK_SIZE_BITS % 2 == 0
    sizes = sl_twofold(of->of[0].part, of->of[1].part);
    which = 1;
    length = 2;
#else
    for (uint32_t i = 0; i < SL_BANK_HALF; i++) {
        sizes |= sl_part_size(of->of[0].part[i]);
    }
#endif
    for (; length < SL_BANK_HALF; length *= 4, which ^= 1u) {
        const int32_t wide = sl_too_wide(sizes, SL_BANK_PART_BITS);
        const sl_part_t *from = of->of[which].part;
        sl_part_t *to = of->of[which ^ 1u].part;
        sizes = sl_fourfold_at(from, to, length, 0, wide);
        for (uint32_t k = 1; k < length; k++) {
            sizes |= sl_fourfold_at(from, to, length, k, wide);
        }
        lost += wide;
    }
    *at = which;
    *down = sl_too_wide(sizes, SL_BANK_LAST_BITS);
    return lost + *down;
}

static inline uint32_t sl_power_of(int32_t re, int32_t im) {
    return (uint32_t)(re * re) + (uint32_t)(im * im);
}

/* The powers of real points of which these complex ones are the transform. */
static void sl_powers(const sl_part_t *z, uint32_t *power, int32_t down) {
    const sl_part_t ends = sl_narrow(z[0], down), middle = sl_narrow(z[SL_BANK_HALF / 2], down);
    power[0] = sl_power_of(ends.re + ends.im, 0);
    power[SL_BANK_HALF] = sl_power_of(ends.re - ends.im, 0);
    power[SL_BANK_HALF / 2] = sl_power_of(middle.re, middle.im);
    for (uint32_t k = 1; k < SL_BANK_HALF / 2; k++) {
        const sl_part_t x = sl_narrow(z[k], down), y = sl_narrow(z[SL_BANK_HALF - k], down);
        const sl_part_t both = {x.im + y.im, y.re - x.re};
        const sl_part_t odd = sl_turn(both, sl_wave_of[k], SL_SIGNAL_WAVE_BITS + 1);
        const sl_part_t even = sl_narrow((sl_part_t){x.re + y.re, x.im - y.im}, 1);
        power[k] = sl_power_of(even.re + odd.re, even.im + odd.im);
        power[SL_BANK_HALF - k] = sl_power_of(even.re - odd.re, even.im - odd.im);
    }
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

/* One channel of a frame: its values under the window; returns the exponent. */
static int32_t sl_framed(const sl_past_t *past, uint32_t channel, int32_t *point) {
    const int32_t exponent = sl_finest(past, channel, 1, SL_SIGNAL_VALUE_BITS);
    sl_past_values(past, channel, exponent, point);
    const sl_around_t around = sl_around(point, SL_BANK_N);
    const int32_t half = 1 << (SL_SIGNAL_WAVE_BITS - 1);
    for (uint32_t i = 0; i < SL_BANK_N; i++) {
        const int32_t deviation = sl_shift_round32(point[i] - around.mean, around.down);
        point[i] = (deviation * sl_hann[i] + half) >> SL_SIGNAL_WAVE_BITS;
    }
    for (uint32_t i = SL_BANK_N; i < SL_BANK_SIZE; i++) {
        point[i] = 0;
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
        uint32_t at;
        int32_t down, exponent = sl_framed(&past, c, scratch->of[0].point);
        exponent -= sl_transform(scratch, &at, &down);
        uint32_t *power = scratch->of[at ^ 1u].power;
        sl_powers(scratch->of[at].part, power, down);
        const uint16_t *weight = sl_weights;
        for (uint32_t band = 0; band < SL_BANK_BANDS; band++) {
            uint32_t high = 0, low = 0; /* apart: small cores multiply 32 bits at a time */
            for (uint32_t k = sl_spans[band][0]; k < sl_spans[band][1]; k++, weight++) {
                high += (power[k] >> 16) * *weight;
                low += (power[k] & 65535u) * *weight;
            }
            const uint64_t energy = ((uint64_t)high << 16) + low;
            *feature_bits++ = sl_signal_real(sl_loudness(energy, exponent), SL_SIGNAL_LOG_BITS);
        }
    }
    return 1;
}

void sl_bank_push(sl_bank_state_t *state, const sl_bank_scratch_t *scratch,
                  const uint32_t *x_bits) {
    (void)scratch;
    for (uint32_t c = 0; c < SL_BANK_CHANNELS; c++) {
        state->sample[state->at * SL_BANK_CHANNELS + c] = x_bits[c];
    }
    state->at = state->at + 1 == SL_BANK_N ? 0 : state->at + 1;
    state->waiting = state->waiting == 1 ? SL_BANK_HOP : state->waiting - 1;
}
