/* MESU in integers, the forward pass of a layer. Golden model: the rule's golden.py, function for
 * function. Bonnet et al., arXiv 2504.13569; local reparameterisation: Kingma et al., arXiv
 * 1506.02557. */
#pragma once

#include "sl_build.h"

#ifdef SL_HOST
#include "sl_first_sums.h"
#include "sl_later_sums.h"
#elif SL_SMALL
#include "sl_small_sums.h"
#else
#include "sl_chip_sums.h"
#endif
#include "sl_charge.h"
#include "sl_front_end.h"
#include "sl_pre_activation.h"
#include "sl_rule.h"
#include "sl_step.h"
#include "sl_variance.h"

/* A root shifted right, or left, and clamped. */
SL_FOLD int32_t sl_unit_deviation(uint32_t root, int32_t right, uint32_t *count) {
    if (!SL_ON_HOST && right >= 0) { /* a root has 16 bits; vectors take both ways */
        return (int32_t)(root >> sl_min32(right, 31));
    }
    const uint32_t most =
        right >= 0 ? SL_SPREAD_MAX : (uint32_t)SL_SPREAD_MAX >> sl_min32(-right, 31);
    const uint32_t down = right >= 0 ? root >> sl_min32(right, 31) : root;
    *count += down > most;
    return (int32_t)(down > most  ? SL_SPREAD_MAX
                     : right >= 0 ? down
                                  : down << sl_min32(-right, 31));
}

/* 2^30 / spread, rounded down; 0 of 0. The host divides doubles, several at once: a quotient that
 * is no integer is further from one than their rounding. */
SL_FOLD int32_t sl_unit_inverse(int32_t spread) {
    if (SL_ON_HOST) {
        const int32_t quotient = (int32_t)(1073741824.0 / (spread == 0 ? 1 : spread));
        return spread == 0 ? 0 : quotient;
    }
    return spread == 0 ? 0 : (1 << 30) / spread;
}

/* A chip that lets steps pass without a label divides for the steps that it learns: until then the
 * deviations stand in the inverses' place. */
enum { SL_LATE_INVERSES = SL_SPIKES && !SL_ON_HOST };

/* From sums to pre-activations' means (in place) and deviations, .12, with their inverses; n units,
 * or draws of units. Returns the largest deviation of a draw. */
SL_INLINE int32_t sl_moments(int32_t *mean, uint32_t *power, uint32_t n, int32_t right_mean,
                             int32_t right_spread, int32_t *spread, int32_t *inverse,
                             uint32_t *count) {
    int32_t widest = 0;
    uint32_t clamped = 0;
    for (uint32_t e = 0; e < n; e++) {
        mean[e] = sl_centre(mean[e], right_mean, &clamped);
    }
    for (uint32_t e = 0; e < n; e++) {
        spread[e] = sl_unit_deviation(sl_root(power[e]), right_spread, &clamped);
        widest = sl_max32(widest, spread[e]);
        if (!SL_ON_HOST) {
            inverse[e] = SL_LATE_INVERSES ? spread[e] : sl_unit_inverse(spread[e]);
        }
    }
    for (uint32_t e = 0; SL_ON_HOST && e < n; e++) {
        inverse[e] = sl_unit_inverse(spread[e]);
    }
    *count += clamped;
    return widest;
}

/* Of n deviations what stands in their inverses' place. Returns the largest deviation. */
SL_INLINE int32_t sl_inverses(const int32_t *spread, uint32_t n, int32_t *inverse) {
    int32_t widest = 0;
    for (uint32_t e = 0; e < n; e++) {
        widest = sl_max32(widest, spread[e]);
        inverse[e] = SL_LATE_INVERSES ? spread[e] : sl_unit_inverse(spread[e]);
    }
    return widest;
}

#ifdef SL_HOST

/* a = mean + spread epsilon of all units and draws; lanes: 1 where all draws have one mean. */
SL_FOLD void sl_sample(const int32_t *restrict mean, const int32_t *restrict spread,
                       const int16_t *restrict epsilon, uint32_t columns, uint32_t lanes,
                       int32_t *restrict a) {
    for (uint32_t j = 0; j < columns; j++) {
        SL_DRAWS
        for (uint32_t s = 0; s < L; s++) {
            const uint32_t e = j * lanes + (lanes == 1 ? 0 : s);
            const int32_t value = mean[e] + ((spread[e] * epsilon[j * L + s] + 8) >> 4);
            a[j * L + s] = s < S ? value : 0;
        }
    }
}

#else

SL_FOLD void sl_sample(const int32_t *mean, const int32_t *spread, const int16_t *epsilon,
                       uint32_t columns, uint32_t lanes, int32_t *a) {
    for (const int32_t *all = a + columns * L; a != all; mean++, spread++) {
        const int32_t m = *mean, by = *spread;
        if (lanes != 1) { /* a mean of its own for every draw */
            *a++ = m + ((by * *epsilon++ + 8) >> 4);
            continue;
        }
        SL_UNROLL_FOUR
        for (uint32_t s = 0; s < S; s++) {
            *a++ = m + ((by * *epsilon++ + 8) >> 4);
        }
    }
}

#endif

/* One layer: pre-activations a = x mu + epsilon sqrt(x^2 sigma^2), Q15.16, into block_a. */
SL_INLINE void sl_forward_layer(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t frac_bits = index == 0 ? SL_INPUT_FRAC_BITS : scratch->frac_bits[index];
    int32_t *a = scratch->block_a;
    uint32_t *power = (uint32_t *)scratch->block_b;
    int32_t *mean = scratch->block_r;

    const uint32_t lanes = index == 0 ? 1 : L;
#if SL_SMALL
    const sl_sums_t sums = sl_small_sums(index, scratch->hidden + layer->hidden * L, lanes, state,
                                         scratch, mean, (int32_t *)power);
#else
    const sl_sums_t sums = index == 0 ? sl_first_sums(state, scratch, mean, power)
                                      : sl_later_sums(index, state, scratch, mean, power);
#endif
    scratch->narrow[index] = sums.narrow;
    const int32_t right = frac_bits - sums.k_mean + layer->mu_frac_bits - 16;
    const int32_t half_exponent = frac_bits - sums.narrow - ((sums.scale - SL_POINT) >> 1);
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    int32_t *spread = (int32_t *)power;
    int32_t *inverse = index == 0 ? scratch->inverse_first : scratch->inverse + layer->later * L;
    int32_t widest = 0;
    if (sl_charged(index)) {
        sl_charge(index, mean, power, right, 2 * half_exponent - SL_VARIANCE_FRAC_BITS, state,
                  scratch);
        widest = SL_LEARNED(scratch) ? sl_inverses(spread, layer->columns * lanes, inverse) : 0;
    } else {
        widest = sl_moments(mean, power, layer->columns * lanes, right, half_exponent - 12, spread,
                            inverse, &scratch->saturations[SL_SAT_ACTIVATION]);
    }
    if (sl_charge_draws_late(index, scratch)) {
        sl_charge_sample(index, mean, spread, state, scratch);
    } else {
        sl_sample(mean, spread, epsilon, layer->columns, lanes, a);
    }
    sl_step_widest(&scratch->step, index, widest);
}
