/* The front end in integers; golden model: quant/front_end_q16.py, docs/numbers.md, section 5. */
#include "sl_integer.h"
#include "sl_parts.h"

enum {
    SL_INPUT_FRAC_BITS = 4,
    SL_INPUT_MAX = 127,
    SL_EXPONENT_START = 127,
    SL_MAGNITUDE_BITS = 28,
    SL_DELTA_BITS = 20,
    SL_VARIANCE_BITS = 28,
    SL_VARIANCE_LOW_BITS = 24,
};

/* A binary32 value is mantissa * 2^power; subnormals count as zero. */
typedef struct {
    uint32_t mantissa;
    int32_t power;
    uint32_t negative;
} sl_float_t;

static sl_float_t sl_float_unpack(uint32_t bits) {
    uint32_t field = (bits >> 23) & 255u;
    sl_float_t x = {0, 0, bits >> 31};
    if (field != 0) {
        x.mantissa = (bits & 0x7FFFFFu) | 0x800000u;
        x.power = (int32_t)field - 150;
    }
    return x;
}

/* x in units of 2^-exponent, rounding half away from zero. The caller keeps it below 2^28. */
static int32_t sl_float_at(sl_float_t x, int32_t exponent) {
    int32_t right = -(x.power + exponent);
    uint32_t size = x.mantissa;
    if (size == 0) {
        return 0;
    }
    if (right <= 0) {
        size <<= -right;
    } else {
        size = right > 25 ? 0 : (size + (1u << (right - 1))) >> right;
    }
    return x.negative ? -(int32_t)size : (int32_t)size;
}

#if SL_STANDARDISE

typedef struct {
    int32_t mean, exponent;
    uint64_t variance;
} sl_statistics_t;

/* Coarser units by 2^down: one step of the block exponent. */
static void sl_statistics_coarsen(sl_statistics_t *s, int32_t down) {
    s->exponent -= down;
    s->mean = sl_shift_round32(s->mean, down);
    s->variance = down >= 16 ? 0 : s->variance >> (2 * down);
}

/* One feature: follow its statistics by rate/2^16 and return its Q3.4 value. */
static int32_t sl_statistics_update(sl_statistics_t *s, sl_float_t x, uint32_t first, int32_t rate,
                                    uint32_t *saturations) {
    if (x.mantissa != 0) {
        int32_t fits = 4 - x.power;
        sl_statistics_coarsen(s, sl_max32(s->exponent - fits, 0));
    }
    int32_t x_q = sl_float_at(x, s->exponent);
    if (first) {
        s->mean = x_q;
        s->variance = 0;
        return 0;
    }
    int32_t down = sl_bit_length(sl_abs32(x_q - s->mean)) - SL_DELTA_BITS;
    if (down > 0) {
        sl_statistics_coarsen(s, down);
        x_q = sl_float_at(x, s->exponent);
    }
    int32_t delta = x_q - s->mean;
    s->mean += (int32_t)(((int64_t)delta * rate + 32768) >> 16);
    int32_t after = x_q - s->mean;
    int64_t spread = (int64_t)delta * after - (int64_t)s->variance;
    s->variance = (uint64_t)((int64_t)s->variance + ((spread * rate + 32768) >> 16));

    int32_t bits = sl_bit_length64(s->variance);
    if (bits > SL_VARIANCE_BITS) {
        down = (bits - SL_VARIANCE_BITS + 1) >> 1;
        sl_statistics_coarsen(s, down);
        after = sl_shift_round32(after, down);
        bits = sl_bit_length64(s->variance);
    }
    if (bits > 0 && bits <= SL_VARIANCE_LOW_BITS) {
        int32_t room = sl_min32(SL_MAGNITUDE_BITS - 1 - sl_bit_length(sl_abs32(s->mean)),
                                SL_EXPONENT_START - s->exponent);
        int32_t up = sl_clamp32((SL_VARIANCE_BITS - bits) >> 1, 0, sl_max32(room, 0));
        s->exponent += up;
        s->mean = sl_shift_round32(s->mean, -up);
        s->variance <<= 2 * up;
        after = sl_shift_round32(after, -up);
    }

    uint32_t sd = sl_isqrt32((uint32_t)s->variance);
    if (sd == 0) {
        return 0;
    }
    uint32_t size = ((sl_abs32(after) << SL_INPUT_FRAC_BITS) + (sd >> 1)) / sd;
    if (size > SL_INPUT_MAX) {
        size = SL_INPUT_MAX;
        saturations[SL_SAT_INPUT]++;
    }
    return after < 0 ? -(int32_t)size : (int32_t)size;
}

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    uint32_t count = state->front_end_count;
    count = count < SL_FRONT_END_WINDOW ? count + 1 : SL_FRONT_END_WINDOW;
    int32_t rate = (int32_t)(65536u / count);
    scratch->new_count = count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        sl_statistics_t s = {state->mean[i], state->exponent[i], state->variance[i]};
        scratch->input[i] = (int16_t)sl_statistics_update(&s, sl_float_unpack(x_bits[i]),
                                                          count == 1, rate, scratch->saturations);
        scratch->new_mean[i] = s.mean;
        scratch->new_variance[i] = (uint32_t)s.variance;
        scratch->new_exponent[i] = (int16_t)s.exponent;
    }
}

#else

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        if ((x_bits[i] & 0x7FFFFFFFu) < 0x3D000000u) { /* rounds to 0, as most pixels do */
            scratch->input[i] = 0;
            continue;
        }
        sl_float_t x = sl_float_unpack(x_bits[i]);
        int32_t value = x.negative ? -128 : 128; /* 8 and beyond */
        if (x.mantissa == 0 || x.power <= -20) {
            value = sl_float_at(x, SL_INPUT_FRAC_BITS);
        }
        int32_t kept = sl_clamp32(value, -SL_INPUT_MAX, SL_INPUT_MAX);
        scratch->saturations[SL_SAT_INPUT] += kept != value;
        scratch->input[i] = (int16_t)kept;
    }
}

#endif
