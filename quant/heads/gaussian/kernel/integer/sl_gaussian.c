/* The Gaussian head in integers. Golden model: quant/heads/gaussian/golden.py, function for
 * function; quant/heads/gaussian/NUMBERS.md. Kendall and Gal, arXiv 1703.04977. */
#include "sl_exp2.h"
#include "sl_head.h"
#include "sl_head_gradient.h"
#include "sl_integer.h"
#include "sl_lanes.h"
#include "sl_statistics.h"

enum {
    SL_TARGET_MAX = 8 << 16,         /* Q.16: 8 standard deviations */
    SL_RESIDUAL_MAX = 3 << 16,       /* Q.16: 3 */
    SL_LOG_VARIANCE_LIMIT = 1 << 20, /* Q.16: 16, beyond the range below */
    SL_OCTAVES_MIN = -12 * 1024,     /* log2 v, Q.10 */
    SL_OCTAVES_MAX = 4 * 1024,
    SL_DEVIATION_MAX = (1 << 24) - 1, /* Q.16: 256 */
};

/* log2 v in Q.10, not yet clamped to its range, from ln v in Q.16. */
static int32_t sl_log2_variance(int32_t log_variance) {
    const int32_t kept = sl_clamp32(log_variance, -SL_LOG_VARIANCE_LIMIT, SL_LOG_VARIANCE_LIMIT);
    return ((kept >> 6) * 23637) >> 14;
}

static int32_t sl_clamp_octaves(int32_t octaves) {
    return sl_clamp32(octaves, SL_OCTAVES_MIN, SL_OCTAVES_MAX);
}

/* 1/sqrt(v), Q.18, 2^16 to 2^24. */
static int32_t sl_inverse_sd(int32_t octaves) {
    const int32_t down = (octaves - SL_OCTAVES_MIN) >> 1;
    return (sl_exp2((down >> 2) & 255) << 9) >> (down >> 10);
}

/* v, Q.24, 2^12 to 2^28. */
static int32_t sl_variance(int32_t octaves) {
    const int32_t down = SL_OCTAVES_MAX - octaves;
    return (sl_exp2((down >> 2) & 255) << 13) >> (down >> 10);
}

/* The bit pattern of x * 2^-frac_bits, x < 2^63, rounding half up. */
static uint32_t sl_binary32(uint64_t x, int32_t frac_bits) {
    int32_t shift = sl_bit_length64(x) - 24;
    uint32_t mantissa = 0;
    if (shift > 0) {
        mantissa = (uint32_t)((x + ((uint64_t)1 << (shift - 1))) >> shift);
    } else {
        mantissa = (uint32_t)x << -shift;
    }
    if (mantissa >> 24) {
        mantissa >>= 1;
        shift++;
    }
    const int32_t field = shift - frac_bits + 150;
    if (x == 0 || field <= 0) {
        return 0;
    }
    return field >= 255 ? 0x7F7FFFFFu : ((uint32_t)field << 23) | (mantissa & 0x7FFFFFu);
}

/* Bit patterns of binary32 in the order of their values; both zeros are 0. */
static int32_t sl_order(uint32_t bits) {
    const int32_t size = (int32_t)(bits & 0x7FFFFFFFu);
    return bits >> 31 ? -size : size;
}

/* Clamp a target to SL_TARGET_MAX standard deviations, if there is one. */
static uint32_t sl_clamp_target(const sl_state_t *state, uint32_t y_bits) {
    const int32_t reach = 8 * (int32_t)sl_isqrt32(state->target_variance);
    if (reach == 0) {
        return y_bits;
    }
    for (int32_t sign = -1; sign <= 1; sign += 2) {
        const int32_t end = state->target_mean + sign * reach;
        const uint32_t end_bits =
            sl_binary32(sl_abs32(end), state->target_exponent) | (end < 0 ? 0x80000000u : 0);
        if (sign * sl_order(y_bits) > sign * sl_order(end_bits)) {
            return end_bits;
        }
    }
    return y_bits;
}

void sl_head_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t y_bits) {
    sl_feature_t f = {
        .mean = state->target_mean,
        .variance = state->target_variance,
        .mean_low = (uint16_t)state->target_mean_low,
        .count = (uint16_t)state->target_count,
        .exponent = (int8_t)state->target_exponent,
    };
    const uint32_t kept = sl_clamp_target(state, y_bits);
    scratch->saturations[SL_SAT_INPUT] += kept != y_bits;
    const sl_float_t y = sl_float_unpack(kept);
    int32_t after = 0;
    if (f.count == 0) {
        sl_feature_first(&f, y);
    } else {
        const int32_t apart = sl_float_bounded(y, f.exponent) - f.mean;
        after = f.variance == 0 ? sl_feature_unfold(&f, y)
                                : sl_clamp32(apart, -(1 << SL_DELTA_BITS), 1 << SL_DELTA_BITS);
        after = sl_feature_enter(&f, after, SL_TARGET_WINDOW);
    }
    const uint32_t sd = sl_isqrt32(f.variance);
    uint64_t size = 0;
    if (sd != 0) {
        size = (((uint64_t)sl_abs32(after) << 16) + (sd >> 1)) / sd;
    }
    if (size > SL_TARGET_MAX) {
        size = SL_TARGET_MAX;
        scratch->saturations[SL_SAT_INPUT]++;
    }
    scratch->target = after < 0 ? -(int32_t)size : (int32_t)size;
    scratch->new_target = f;
}

/* By the mean and by the log-variance, Q.16, in place of them. */
void sl_gaussian_gradient(sl_scratch_t *scratch, int32_t *outputs) {
    for (uint32_t s = 0; s < S; s++) {
        const int32_t octaves = sl_log2_variance(outputs[L + s]);
        const int32_t inverse = sl_inverse_sd(sl_clamp_octaves(octaves));
        const int64_t residual =
            sl_shift_round64((int64_t)(scratch->target - outputs[s]) * inverse, 18);
        const int32_t kept = sl_clamp64(residual, SL_RESIDUAL_MAX);
        scratch->saturations[SL_SAT_GRADIENT] += kept != residual;
        outputs[s] = (int32_t)sl_shift_round64(-(int64_t)kept * inverse, 18);
        const int32_t by_log = (65536 - (int32_t)(((int64_t)kept * kept) >> 16)) >> 1;
        const int32_t outward = by_log > 0 ? octaves <= SL_OCTAVES_MIN : octaves >= SL_OCTAVES_MAX;
        outputs[L + s] = outward ? 0 : by_log;
    }
}

static uint64_t sl_isqrt64(uint64_t x) {
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
        const uint64_t trial = root + bit;
        root >>= 1;
        if (x >= trial) {
            x -= trial;
            root += bit;
        }
    }
    return root;
}

/* The standard deviation sd/2^exponent * sqrt(total/S/2^frac_bits), total < 2^63. */
static uint32_t sl_deviation(uint64_t total, int32_t frac_bits, uint32_t sd, int32_t exponent) {
    const int32_t up = (63 - sl_bit_length64(total)) & ~1;
    const uint64_t root = sl_isqrt64((total << up) / S);
    return sl_binary32(root * sd, ((frac_bits + up) >> 1) + exponent);
}

void sl_gaussian_predict(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[SL_N_LAYERS - 1];
    const int32_t *outputs = scratch->block_a;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    int32_t *centre = scratch->block_c;
    int64_t total = 0;
    uint64_t epistemic = 0, aleatoric = 0;
    for (uint32_t s = 0; s < S; s++) {
        const int32_t inverse = sl_rule_inverse(scratch, s);
        const int32_t spread = inverse == 0 ? 0 : (1 << 30) / inverse;
        centre[s] = outputs[s] - ((spread * epsilon[s] + 8) >> 4);
        total += centre[s];
        epistemic += (uint64_t)(spread << 4) * (uint64_t)(spread << 4);
        aleatoric += (uint64_t)sl_variance(sl_clamp_octaves(sl_log2_variance(outputs[L + s])));
    }
    /* floor(total / S): the offset is a multiple of S, and total below 2^37 */
    const int64_t offset = (int64_t)1 << 40;
    const int64_t mean = (int64_t)((uint64_t)(total + offset * S) / S) - offset;
    for (uint32_t s = 0; s < S; s++) {
        const int64_t deviation = centre[s] - mean;
        const int64_t kept = sl_clamp64(deviation, SL_DEVIATION_MAX);
        scratch->saturations[SL_SAT_ACTIVATION] += kept != deviation;
        epistemic += (uint64_t)(kept * kept);
    }
    const uint32_t sd = sl_isqrt32(state->target_variance);
    const int32_t exponent = state->target_exponent;
    const int64_t sum = (int64_t)state->target_mean * (S << 16) + sd * total;
    const uint64_t size = sum < 0 ? -(uint64_t)sum : (uint64_t)sum;
    const int32_t up = 62 - sl_bit_length64(size);
    scratch->sums[0] = total;
    scratch->sums[1] = (int64_t)aleatoric;
    scratch->sums[2] = (int64_t)epistemic;
    scratch->prediction[0] =
        sl_binary32((size << up) / S, 16 + exponent + up) | (sum < 0 ? 0x80000000u : 0);
    scratch->prediction[1] = sl_deviation(aleatoric, 24, sd, exponent);
    scratch->prediction[2] = sl_deviation(epistemic, 32, sd, exponent);
    if (state->target_count < 2) { /* no scale yet: infinite */
        scratch->prediction[1] = 0x7F800000u;
        scratch->prediction[2] = 0x7F800000u;
    }
}
