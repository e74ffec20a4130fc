/* What the memory sees of a sample; golden model: quant/memory/features.py. */
#include "sl_memory_features.h"
#include "sl_integer.h"
#include "sl_memory_real.h"
#include "sl_noise.h"

enum { SL_FEATURE_MAX = 32767, SL_FEATURE_MAX_RANDOM = 2047 };

static float sl_raw(uint32_t bits) {
    return sl_clamp(sl_float_of(bits), -SL_RAW_MAX, SL_RAW_MAX) + 0.0f; /* -0 becomes 0 */
}

static int16_t sl_quantised(float z) {
    return (int16_t)sl_memory_floor(z * 256.0f + 0.5f);
}

#if SL_STANDARDISE
/* 1/deviation, 0 if a feature never moved. */
static float sl_fixed_scale(float centre, float variance) {
    const float size = centre < 0.0f ? -centre : centre;
    const float least = size * SL_MEMORY_RELATIVE_FLOOR;
    const float held =
        sl_memory_max(sl_memory_max(variance, least * least), SL_MEMORY_VARIANCE_MIN);
    return variance > 0.0f ? sl_memory_inverse_root(held) : 0.0f;
}

static int16_t sl_memory_scaled(const sl_state_t *state, uint32_t i, uint32_t bits) {
    const uint32_t fixed = state->memory_scaled == SL_MEMORY_SCALE_SAMPLES;
    if (state->memory_scaled < 3u) {
        return 0;
    }
    const float centre = state->memory_centre[i], kept = state->memory_scale[i];
    const float inverse = fixed ? kept : sl_fixed_scale(centre, kept);
    const float deviation = sl_raw(bits) - centre;
    const float sign = (deviation > 0.0f ? 1.0f : 0.0f) - (deviation < 0.0f ? 1.0f : 0.0f);
    const float limit = (float)SL_FEATURE_MAX / 256.0f;
    const float z = sl_clamp(deviation * inverse, -limit, limit);
    return sl_quantised(fixed && inverse == 0.0f ? sign : z);
}

static float sl_median(float a, float b, float c) {
    const float low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static void sl_third(float *centre, float *scale, float x) {
    const float a = *centre, b = *scale, middle = sl_median(a, b, x);
    const float low = sl_memory_max(sl_memory_max(-a, -b), -x);
    const float high = sl_memory_max(sl_memory_max(a, b), x);
    const float below = middle + low, above = high - middle;
    const float nearer = below < above ? below : above;
    *centre = middle;
    *scale = nearer * nearer;
}

static void sl_follow(float *centre, float *scale, float x, float rate) {
    const float root =
        *scale * sl_memory_inverse_root(sl_memory_max(*scale, SL_MEMORY_VARIANCE_MIN));
    const float limit = SL_MEMORY_OUTLIER * root, deviation = x - *centre;
    const float kept = *scale > 0.0f ? sl_clamp(deviation, -limit, limit) : deviation;
    *centre += kept * rate;
    *scale += (kept * kept - *scale) * rate;
}

void sl_memory_learn_scale(sl_state_t *state, const uint32_t *x_bits) {
    const uint32_t fixed = state->memory_scaled == SL_MEMORY_SCALE_SAMPLES;
    const uint32_t count = fixed ? state->memory_scaled : state->memory_scaled + 1u;
    const float rate = 1.0f / (float)count;
    state->memory_scaled = count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        float *centre = &state->memory_centre[i], *scale = &state->memory_scale[i];
        const float x = sl_raw(x_bits[i]), deviation = x - *centre;
        if (fixed) {
            const float size = deviation < 0.0f ? -deviation : deviation;
            if (*scale == 0.0f && x != *centre) {
                *scale = 1.0f / sl_memory_max(size, 1e-18f);
            }
        } else if (count == 1u) {
            *centre = x;
        } else if (count == 2u) {
            *scale = x;
        } else if (count == 3u) {
            sl_third(centre, scale, x);
        } else {
            sl_follow(centre, scale, x, rate);
            if (count == SL_MEMORY_SCALE_SAMPLES) {
                *scale = sl_fixed_scale(*centre, *scale);
            }
        }
    }
}
#else
static int16_t sl_memory_scaled(const sl_state_t *state, uint32_t i, uint32_t bits) {
    const float limit = (float)SL_FEATURE_MAX_RANDOM / 256.0f;
    (void)state;
    (void)i;
    return sl_quantised(sl_clamp(sl_raw(bits), -limit, limit));
}

void sl_memory_learn_scale(sl_state_t *state, const uint32_t *x_bits) {
    (void)state;
    (void)x_bits;
}
#endif

/* Weights are odd numbers, 2 n - 15 of four bits n of a hash, eight to a word. */
static int32_t sl_random_sum(uint32_t key, uint32_t row, const int16_t *z, uint32_t all) {
    enum { SL_FEATURE_WORDS = (SL_N_FEATURES + 7) / 8 };
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i += 8u) {
        const uint32_t n = SL_N_FEATURES - i < 8u ? SL_N_FEATURES - i : 8u;
        uint32_t word =
            sl_noise_word(key, SL_STREAM_MEMORY_WEIGHT, row * SL_FEATURE_WORDS + (i >> 3));
        for (uint32_t j = 0; j < n; j++, word >>= 4) {
            sum += (word & 15u) * (uint32_t)z[i + j];
        }
    }
    const uint32_t octets = sl_noise_word(key, SL_STREAM_MEMORY_BIAS, row);
    const int32_t bias =
        (int32_t)((octets & 255u) + (octets >> 8 & 255u) + (octets >> 16 & 255u) + (octets >> 24)) -
        510;
    return (int32_t)(2u * sum - 15u * all) + (bias * SL_MEMORY_BIAS_GAIN >> 8);
}

void sl_memory_columns(const sl_state_t *state, sl_memory_scratch_t *memory,
                       const uint32_t *x_bits) {
    const uint32_t key = sl_noise_key(state->seed, 0xFFFFFFFFu);
    uint32_t all = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const int16_t z = sl_memory_scaled(state, i, x_bits[i]);
        if (SL_MEMORY_INPUTS != 0) {
            memory->column[i] = (float)z * (1.0f / 256);
        }
        memory->z[i] = (int16_t)sl_clamp32(z, -SL_FEATURE_MAX_RANDOM, SL_FEATURE_MAX_RANDOM);
        all += (uint32_t)memory->z[i];
    }
    for (uint32_t j = SL_MEMORY_INPUTS; j < SL_MEMORY_COLUMNS; j++) {
        const int32_t sum = sl_random_sum(key, j - SL_MEMORY_INPUTS, memory->z, all);
        memory->column[j] = (float)sl_max32(sum, 0) * SL_MEMORY_UNIT;
    }
}
