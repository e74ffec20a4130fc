/* The front end in float32; the equations: streamlearn/front_end.py. */
#include "sl_front_end.h"
#include "sl_float.h"
#include "sl_status.h"

#define SL_Z_MAX 7.9375f /* 127/16: the same clamp as in fixed point */

static void sl_clamp_inputs(sl_scratch_t *scratch) {
    uint32_t clamped = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const float x = scratch->input[i], z = sl_clamp(x, -SL_Z_MAX, SL_Z_MAX);
        clamped += z != x;
        scratch->input[i] = z;
    }
    scratch->saturations[SL_SAT_INPUT] += clamped;
}

#if SL_STANDARDISE

static uint32_t sl_front_end_fate(sl_feature_t *f, float x, uint32_t tick, uint32_t fixed) {
    const float delta = x - f->mean, apart = x - f->reference;
    const uint32_t recent = f->memory.excursions, same = apart == 0;
    f->memory.excursions = (uint8_t)(recent - (recent != 0 && tick));
    if (!(f->variance > 0)) {
        f->memory.repeats = 0;
        if (delta == 0) {
            f->memory.streak = 0;
            return SL_ENTERS;
        }
        const uint32_t closer = __builtin_fabsf(apart) < __builtin_fabsf(delta);
        return sl_hold_constant(&f->memory, recent, f->count, same, closer);
    }
    const float square = delta * delta;
    if (square > (float)(SL_HOLD * SL_HOLD) * f->variance) {
        const uint32_t beyond = square > (float)(SL_BEYOND * SL_BEYOND) * f->variance;
        return sl_hold_far(&f->memory, recent, f->count, same, beyond, fixed);
    }
    if ((float)(SL_NEAR * SL_NEAR) * (apart * apart) < f->variance) {
        return sl_hold_near(&f->memory, same, f->count, fixed);
    }
    f->memory.streak = 0;
    f->memory.repeats = 0;
    return SL_ENTERS;
}

/* Follow a feature's statistics; what is left of its deviation from the mean. */
static float sl_front_end_feature(sl_feature_t *f, float x, uint32_t tick, uint32_t *saturations) {
    if (x > SL_RAW_MAX || x < -SL_RAW_MAX) {
        x = x > 0 ? SL_RAW_MAX : -SL_RAW_MAX;
        saturations[SL_SAT_INPUT]++;
    }
    if (f->count == 0) {
        f->mean = f->reference = x;
        f->count = 1;
        return 0;
    }
    float delta = x - f->mean;
    const uint32_t known = f->variance > 0;
    const uint32_t fixed = SL_FROZEN && f->count >= SL_FRONT_END_WINDOW && known;
    const uint32_t waits = fixed || (SL_FROZEN && !known && delta == 0) ? SL_ENTERS : 0;
    const uint32_t fate = sl_front_end_fate(f, x, tick, fixed) & ~waits;
    saturations[SL_SAT_FRONT_END] += f->memory.streak > 0;
    if (fate & SL_HELD) {
        const float limit = (float)SL_HOLD * __builtin_sqrtf(f->variance);
        delta = delta < 0 ? -limit : limit;
    }
    if (fate & SL_RESTART) {
        f->mean = f->reference;
        f->variance = 0;
        f->count = 1;
        delta = x - f->mean;
    }
    if (!(fate & SL_STAYS)) {
        f->reference = x;
    }
    if (fate & SL_ENTERS) {
        f->count = (uint16_t)(f->count < SL_FRONT_END_WINDOW ? f->count + 1 : f->count);
        const uint32_t usual = 65536u / SL_FRONT_END_WINDOW; /* no division, most of the time */
        const uint32_t part = f->count == SL_FRONT_END_WINDOW ? usual : 65536u / f->count;
        const float rate = (float)part / 65536.0f;
        const float after = delta - delta * rate;
        f->mean = f->mean + delta * rate;
        f->variance = f->variance + (delta * after - f->variance) * rate;
        delta = after;
    }
    return fate & SL_SILENT ? 0.0f : delta;
}

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    const uint32_t tick = state->n_samples % SL_TICK == 0;
    const uint32_t count = state->front_end_count;
    scratch->new_count = count < SL_FRONT_END_WINDOW ? count + 1 : SL_FRONT_END_WINDOW;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        sl_feature_t f = {
            .mean = state->mean[i],
            .variance = state->variance[i],
            .reference = state->reference[i],
            .count = state->feature_count[i],
            .memory = {state->streak[i], state->repeats[i], state->excursions[i]},
        };
        scratch->input[i] =
            sl_front_end_feature(&f, sl_float_of(x_bits[i]), tick, scratch->saturations);
        scratch->new_feature[i] = f;
    }
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) { /* by itself: roots and quotients in vectors */
        const float variance = scratch->new_feature[i].variance;
        const float z = scratch->input[i] / __builtin_sqrtf(variance);
        scratch->input[i] = variance > 0 ? z : 0.0f;
    }
    sl_clamp_inputs(scratch);
}

#else

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        scratch->input[i] = sl_float_of(x_bits[i]);
    }
    sl_clamp_inputs(scratch);
}

#endif
