/* The front end in float32; the equations: streamlearn/front_end.py. */
#include "sl_front_end.h"
#include "sl_float.h"
#include "sl_status.h"

#define SL_Z_MAX 7.9375f /* 127/16: the same clamp as in fixed point */

static float sl_clamp_input(float z, uint32_t *saturations) {
    if (z > SL_Z_MAX || z < -SL_Z_MAX) {
        saturations[SL_SAT_INPUT]++;
        return z > 0 ? SL_Z_MAX : -SL_Z_MAX;
    }
    return z;
}

void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
#if SL_STANDARDISE
    uint32_t count = state->front_end_count;
    count = count < SL_FRONT_END_WINDOW ? count + 1 : SL_FRONT_END_WINDOW;
    const float rate = (float)(65536u / count) / 65536.0f;
    scratch->new_count = count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        float x = sl_float_of(x_bits[i]);
        if (x > SL_RAW_MAX || x < -SL_RAW_MAX) {
            x = x > 0 ? SL_RAW_MAX : -SL_RAW_MAX;
            scratch->saturations[SL_SAT_INPUT]++;
        }
        float delta = x - state->mean[i];
        float mean = state->mean[i] + delta * rate;
        float variance = state->variance[i] + (delta * (x - mean) - state->variance[i]) * rate;
        float z = variance > 0 ? (x - mean) / __builtin_sqrtf(variance) : 0.0f;
        scratch->input[i] = sl_clamp_input(z, scratch->saturations);
        scratch->new_mean[i] = mean;
        scratch->new_variance[i] = variance;
    }
#else
    scratch->new_count = state->front_end_count;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        scratch->input[i] = sl_clamp_input(sl_float_of(x_bits[i]), scratch->saturations);
    }
#endif
}
