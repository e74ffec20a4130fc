/* The front end in integers; golden model: quant/front_end/golden.py, quant/front_end/NUMBERS.md.
 */
#include "sl_front_end.h"
#include "sl_build.h"
#include "sl_float.h"
#include "sl_statistics.h"
#include "sl_status.h"

#if SL_STANDARDISE

enum { SL_FAR = 1 << (SL_DELTA_BITS + 1) };

/* Whether a value lies closer to the reference than to a constant. */
static uint32_t sl_feature_closer(const sl_feature_t *f, sl_float_t x, sl_float_t reference) {
    const int32_t fits = sl_min32(sl_float_fits(x), sl_float_fits(reference));
    const int32_t exponent = sl_min32(f->exponent, fits);
    const int32_t x_q = sl_float_at(x, exponent);
    const int32_t mean = sl_shift_round32(f->mean, f->exponent - exponent);
    return sl_abs32(x_q - sl_float_at(reference, exponent)) < sl_abs32(x_q - mean);
}

/* What becomes of a value that differs from the mean by delta. */
static uint32_t sl_front_end_fate(sl_feature_t *f, uint32_t bits, sl_float_t x, int32_t delta,
                                  int32_t x_q, uint32_t tick, uint32_t fixed) {
    const sl_float_t reference = sl_float_unpack(f->reference);
    const uint32_t recent = f->memory.excursions, same = bits == f->reference;
    f->memory.excursions = (uint8_t)(recent - (recent != 0 && tick));
    if (f->variance == 0) {
        f->memory.repeats = 0;
        if (delta == 0) {
            f->memory.streak = 0;
            return SL_ENTERS;
        }
        const uint32_t closer = sl_feature_closer(f, x, reference);
        return sl_hold_constant(&f->memory, recent, f->count, same, closer);
    }
    const int64_t size = delta > SL_FAR || delta < -SL_FAR ? SL_FAR : delta;
    const int64_t square = size * size;
    if (square > (int64_t)f->variance * (SL_HOLD * SL_HOLD)) {
        const uint32_t beyond = square > (int64_t)f->variance * (SL_BEYOND * SL_BEYOND);
        return sl_hold_far(&f->memory, recent, f->count, same, beyond, fixed);
    }
    const uint32_t apart = same ? 0 : sl_abs32(x_q - sl_float_bounded(reference, f->exponent));
    if (apart < SL_NEAR && apart * apart * (SL_NEAR * SL_NEAR) < f->variance) {
        return sl_hold_near(&f->memory, same, f->count, fixed);
    }
    f->memory.streak = 0;
    f->memory.repeats = 0;
    return SL_ENTERS;
}

/* The value a deviation makes, Q3.4. */
static inline int32_t sl_front_end_value(uint32_t variance, int32_t delta, uint32_t *saturations) {
    const uint32_t sd = sl_isqrt32(variance);
    if (sd == 0) {
        return 0;
    }
    uint32_t size = ((sl_abs32(delta) << SL_INPUT_FRAC_BITS) + (sd >> 1)) / sd;
    if (size > SL_INPUT_MAX) {
        size = SL_INPUT_MAX;
        saturations[SL_SAT_INPUT]++;
    }
    return delta < 0 ? -(int32_t)size : (int32_t)size;
}

/* Whether a value is like most of them: nothing is remembered, and it is neither far from the mean
 * nor near the reference. Then it enters, and delta is what it differs by. */
static inline uint32_t sl_front_end_usual(const sl_feature_t *f, uint32_t bits, int32_t *delta) {
    const uint32_t ready = f->count != 0 && f->variance != 0 && bits != f->reference;
    const uint32_t noted = (uint32_t)(f->memory.streak | f->memory.repeats | f->memory.excursions);
    if (SL_FROZEN || !ready || noted || f->exponent > SL_EXPONENT_NORMAL) {
        return 0;
    }
    int32_t x_q, reference;
    if (!sl_float_in_units(bits, f->exponent, &x_q) ||
        !sl_float_in_units(f->reference, f->exponent, &reference)) {
        return 0;
    }
    const uint32_t apart = sl_abs32(x_q - reference);
    *delta = x_q - f->mean;
    return *delta <= SL_FAR && *delta >= -SL_FAR &&
           (int64_t)*delta * *delta <= (int64_t)f->variance * (SL_HOLD * SL_HOLD) &&
           (apart >= SL_NEAR || apart * apart * (SL_NEAR * SL_NEAR) >= f->variance);
}

/* One feature: follow its statistics and return its Q3.4 value, whatever the value is. */
static __attribute__((noinline)) int32_t sl_front_end_feature(sl_feature_t *f, uint32_t bits,
                                                              uint32_t tick,
                                                              uint32_t *saturations) {
    const sl_float_t x = sl_float_unpack(bits);
    bits = x.mantissa == 0 ? 0 : bits;
    if (f->count == 0) {
        sl_feature_first(f, x);
        f->reference = bits;
        return 0;
    }
    const int32_t x_q = sl_float_bounded(x, f->exponent);
    int32_t delta = x_q - f->mean;
    const uint32_t fixed = SL_FROZEN && f->count >= SL_FRONT_END_WINDOW && f->variance != 0;
    const uint32_t waits = fixed || (SL_FROZEN && f->variance == 0 && delta == 0) ? SL_ENTERS : 0;
    const uint32_t fate = sl_front_end_fate(f, bits, x, delta, x_q, tick, fixed) & ~waits;
    saturations[SL_SAT_FRONT_END] += f->memory.streak > 0;
    if (fate & SL_HELD) {
        const int32_t limit = SL_HOLD * (int32_t)sl_isqrt32(f->variance);
        delta = delta < 0 ? -limit : limit;
    }
    if (fate & SL_RESTART) {
        sl_feature_first(f, sl_float_unpack(f->reference));
    }
    if (!(fate & SL_STAYS)) {
        f->reference = bits;
    }
    if (fate & SL_ENTERS) {
        delta = f->variance == 0 ? sl_feature_unfold(f, x) : delta;
        delta = sl_feature_enter(f, delta, SL_FRONT_END_WINDOW);
    }
    return fate & SL_SILENT ? 0 : sl_front_end_value(f->variance, delta, saturations);
}

/* The same, on the short way where a value is usual; old: in registers, *f is written once. */
SL_FOLD int32_t sl_front_end_one(sl_feature_t old, sl_feature_t *f, uint32_t bits, uint32_t tick,
                                 uint32_t *saturations) {
    int32_t delta = 0;
    if (SL_SMALL || !sl_front_end_usual(&old, bits, &delta)) {
        *f = old;
        return sl_front_end_feature(f, bits, tick, saturations);
    }
    uint64_t variance;
    old.reference = bits;
    delta = sl_feature_follow(&old, delta, SL_FRONT_END_WINDOW, &variance);
    *f = old;
    uint32_t kept = old.variance;
    if (sl_feature_unfit(&old, variance)) {
        delta = sl_feature_fit(f, variance, delta);
        kept = f->variance;
    }
    return sl_front_end_value(kept, delta, saturations);
}

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    const uint32_t tick = state->n_samples % SL_TICK == 0;
    const uint32_t count = state->front_end_count;
    scratch->new_count = count < SL_FRONT_END_WINDOW ? count + 1 : SL_FRONT_END_WINDOW;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        sl_feature_t *f = &scratch->new_feature[i];
        if (!SL_ON_HOST) {
            __asm("" : "+r"(f)); /* else every member has a pointer of its own */
        }
        const sl_feature_t old = {
            .mean = state->mean[i],
            .variance = state->variance[i],
            .reference = state->reference[i],
            .mean_low = state->mean_low[i],
            .count = state->feature_count[i],
            .memory = {state->streak[i], state->repeats[i], state->excursions[i]},
            .exponent = state->exponent[i],
        };
        const int32_t z = sl_front_end_one(old, f, x_bits[i], tick, scratch->saturations);
        scratch->input[i] = (sl_input_t)z;
    }
}

#elif defined(SL_HOST)

/* In floats, eight at once: times a power of two they are exact. */
void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    uint32_t clamped = 0;
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const float x = sl_float_of(x_bits[i]) * (2 << SL_INPUT_FRAC_BITS);
        const int32_t twice = (int32_t)sl_clamp(x, -4096, 4095); /* towards zero */
        const int32_t z = (twice + 1 + (twice >> 31)) >> 1;
        const int32_t kept = sl_clamp32(z, -SL_INPUT_MAX, SL_INPUT_MAX);
        clamped += kept != z;
        scratch->input[i] = (sl_input_t)kept;
    }
    scratch->saturations[SL_SAT_INPUT] += clamped;
}

#elif defined(__ARM_FP)

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    uint32_t clamped = 0;
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        int32_t z = 0;
        if (x_bits[i] != 0) { /* as most pixels are */
            float x = sl_float_of(x_bits[i]);
            __asm("vcvt.s32.f32 %0, %0, #5" : "+t"(x)); /* towards zero, one bit more than z has */
            z = sl_clamp32((int32_t)sl_bits_of(x), -4096, 4095);
            z = (z + 1 + (z >> 31)) >> 1;
            const int32_t byte = sl_clamp32(z, -SL_INPUT_MAX - 1, SL_INPUT_MAX); /* ssat */
            const int32_t kept = sl_max32(byte, -SL_INPUT_MAX);
            clamped += kept != z;
            z = kept;
        }
        scratch->input[i] = (sl_input_t)z;
    }
    scratch->saturations[SL_SAT_INPUT] += clamped;
}

#else

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    uint32_t clamped = 0;
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        if (x_bits[i] == 0) { /* as most pixels are */
            scratch->input[i] = 0;
            continue;
        }
        const int32_t right = 150 - SL_INPUT_FRAC_BITS - (int32_t)(x_bits[i] >> 23 & 255u);
        if (right > 24) { /* rounds to 0, as most pixels do */
            scratch->input[i] = 0;
            continue;
        }
        const uint32_t mantissa = (x_bits[i] & 0x7FFFFFu) | 0x800000u;
        const uint32_t half = 1u << ((right - 1) & 31);
        uint32_t size = right > 24 ? 0 : (mantissa + half) >> (right & 31);
        size = right < 17 ? SL_INPUT_MAX + 1 : size; /* 8 and beyond */
        clamped += size > SL_INPUT_MAX;
        size = size > SL_INPUT_MAX ? SL_INPUT_MAX : size;
        scratch->input[i] = (sl_input_t)(x_bits[i] >> 31 ? -(int32_t)size : (int32_t)size);
    }
    scratch->saturations[SL_SAT_INPUT] += clamped;
}

#endif
