/* What the forward and the learning half of MESU in integers share: limits and the decoding of
 * sigma^2. Formats, shifts and the bounds that keep every product inside 32 bits:
 * docs/numbers.md, section 6. */
#ifndef SL_MESU_Q16_H
#define SL_MESU_Q16_H

#include "sl_integer.h"
#include "sl_parts.h"

_Static_assert((-3 >> 1) == -2, "right shifts of negative values must be arithmetic");

enum {
    SL_INPUT_FRAC_BITS = 4,
    SL_ACTIVATION_FRAC_BITS = 8,
    SL_ACTIVATION_BITS = 15,
    SL_PRE_ACTIVATION_MAX = 1 << 30,
    SL_LIMIT24 = (1 << 24) - 1, /* of delta and of delta epsilon / spread */
    SL_SPREAD_MAX = (1 << 20) - 1,
    SL_RHO_STEP_BITS = 28,
    SL_MU_STEP_BITS = 30,
    SL_OCTAVES = 32,
    S = SL_N_DRAWS,
    L = SL_N_LANES, /* arrays are [unit][lane]; the lanes without a draw hold 0 */
};

#define SL_PRODUCT_MAX ((int64_t)1 << 43)

static inline int32_t sl_mantissa(uint32_t rho) {
    return (int32_t)((rho & 2047u) | 2048u);
}

static inline int32_t sl_octave(uint32_t rho) {
    return (int32_t)(rho >> 11);
}

static inline int32_t sl_clamp_count(int32_t x, int32_t limit, uint32_t *count) {
    int32_t kept = sl_clamp32(x, -limit, limit);
    *count += kept != x;
    return kept;
}

static inline int32_t sl_clamp64(int64_t x, int32_t limit) {
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

/* x >> right; a negative right shifts left, clamping to +-2^bits. */
static inline int32_t sl_shift_saturate(int32_t x, int32_t right, int32_t bits, uint32_t *count) {
    if (right >= 0) {
        return x >> sl_min32(right, 31);
    }
    const int32_t left = sl_min32(-right, bits);
    return (int32_t)((uint32_t)sl_clamp_count(x, (1 << bits) >> left, count) << left);
}

#endif
