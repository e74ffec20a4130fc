#include "sl_standardise.h"

#include "sl_signal.h"
#include "sl_start.h"

enum {
    SL_STANDARDISE_FAR = 1 << (SL_DELTA_BITS + 1),
    SL_STANDARDISE_Z_BITS = 8,
    SL_STANDARDISE_Z_MAX = 16 << SL_STANDARDISE_Z_BITS,
};

/* A channel's statistics after a value, which is so many standard deviations from their mean. */
static int32_t sl_standardised(const sl_standardise_state_t *state, uint32_t c, uint32_t bits,
                               sl_feature_t *f, uint32_t *steady) {
    const sl_float_t x = sl_float_unpack(bits);
    const uint32_t value = sl_start_bits(bits);
    *f = (sl_feature_t){
        .mean = state->mean[c],
        .variance = state->variance[c],
        .reference = state->other[c],
        .mean_low = (uint16_t)state->low[c],
        .count = (uint16_t)state->count,
        .exponent = (int8_t)state->exponent[c],
    };
    *steady = state->steady[c];
    if (state->count == 0) {
        sl_feature_first(f, x);
        sl_start_decided(f, steady, 0, value);
        return 0;
    }
    const uint32_t waits = sl_start_again(f, steady, value);
    int32_t delta;
    if (f->variance == 0) {
        delta = sl_feature_unfold(f, x);
    } else {
        delta = sl_float_bounded(x, f->exponent) - f->mean;
        delta = sl_clamp32(delta, -SL_STANDARDISE_FAR, SL_STANDARDISE_FAR);
        if ((int64_t)delta * delta > (int64_t)f->variance * (SL_HOLD * SL_HOLD)) {
            const int32_t limit = SL_HOLD * (int32_t)sl_isqrt32(f->variance);
            delta = delta < 0 ? -limit : limit;
        }
    }
    delta = sl_feature_enter(f, delta, SL_STANDARDISE_WINDOW);
    sl_start_decided(f, steady, waits, value);
    const uint32_t sd = sl_isqrt32(f->variance);
    if (sd == 0) {
        return 0;
    }
    const uint32_t size = ((sl_abs32(delta) << SL_STANDARDISE_Z_BITS) + (sd >> 1)) / sd;
    const int32_t z = size > SL_STANDARDISE_Z_MAX ? SL_STANDARDISE_Z_MAX : (int32_t)size;
    return delta < 0 ? -z : z;
}

#if SL_STANDARDISE_SETTLED
static const sl_standardise_state_t sl_settled = {
    SL_STANDARDISE_WINDOW,
    SL_STANDARDISE_MEAN,
    SL_STANDARDISE_LOW,
    SL_STANDARDISE_VARIANCE,
    SL_STANDARDISE_EXPONENT,
    {0},
    {0},
};
#endif

void sl_standardise_reset(sl_standardise_state_t *state) {
#if SL_STANDARDISE_SETTLED
    if (state->count == 0) {
        *state = sl_settled;
    }
#else
    (void)state;
#endif
}

int32_t sl_standardise_look(const sl_standardise_state_t *state, sl_standardise_scratch_t *scratch,
                            const uint32_t *x_bits, uint32_t *feature_bits) {
    for (uint32_t c = 0; c < SL_STANDARDISE_CHANNELS; c++) {
        const int32_t z =
            sl_standardised(state, c, x_bits[c], &scratch->after[c], &scratch->steady[c]);
        feature_bits[c] = sl_signal_real(z, SL_STANDARDISE_Z_BITS);
    }
    return 1;
}

void sl_standardise_push(sl_standardise_state_t *state, const sl_standardise_scratch_t *scratch,
                         const uint32_t *x_bits) {
    (void)x_bits;
    for (uint32_t c = 0; c < SL_STANDARDISE_CHANNELS; c++) {
        const sl_feature_t *feature = &scratch->after[c];
        state->mean[c] = feature->mean;
        state->low[c] = feature->mean_low;
        state->variance[c] = feature->variance;
        state->exponent[c] = feature->exponent;
        state->steady[c] = scratch->steady[c];
        state->other[c] = feature->reference;
    }
    state->count += state->count < SL_STANDARDISE_WINDOW;
}
