/* The front end in integers; golden model: quant/front_end/golden.py, quant/front_end/NUMBERS.md.
 */
#include "sl_front_end.h"
#include "sl_build.h"
#include "sl_statistics.h"
#include "sl_status.h"

#if SL_STANDARDISE

/* One feature: follow its statistics by rate/2^16 and return its Q3.4 value. */
static int32_t sl_statistics_update(sl_statistics_t *s, sl_float_t x, uint32_t first, int32_t rate,
                                    uint32_t *saturations) {
    int32_t after = sl_statistics_follow(s, x, first, rate);
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
    uint32_t clamped = 0;
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        const int32_t right = 150 - SL_INPUT_FRAC_BITS - (int32_t)(x_bits[i] >> 23 & 255u);
        if (!SL_ON_HOST &&
            right > 24) { /* rounds to 0, as most pixels do; vectors take both ways */
            scratch->input[i] = 0;
            continue;
        }
        const uint32_t mantissa = (x_bits[i] & 0x7FFFFFu) | 0x800000u;
        const uint32_t half = 1u << ((right - 1) & 31);
        uint32_t size = right > 24 ? 0 : (mantissa + half) >> (right & 31);
        size = right < 17 ? SL_INPUT_MAX + 1 : size; /* 8 and beyond */
        clamped += size > SL_INPUT_MAX;
        size = size > SL_INPUT_MAX ? SL_INPUT_MAX : size;
        scratch->input[i] = (int16_t)(x_bits[i] >> 31 ? -(int32_t)size : (int32_t)size);
    }
    scratch->saturations[SL_SAT_INPUT] += clamped;
}

#endif
