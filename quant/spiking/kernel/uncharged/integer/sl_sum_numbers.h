/* Sums over traces in integers: from sums to charges, and from traces of spikes to inputs. Golden
 * model: quant/spiking/sums.py. */
#pragma once

#include <stdint.h>

#include "sl_front_end.h"
#include "sl_integer.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum {
    SL_CHARGE_MAX = (1 << 30) - 1,
    SL_TRACE_RIGHT = SL_OUTPUT_FRAC_BITS - SL_INPUT_FRAC_BITS,
    SL_TRACE_INPUT_MAX = 127,
};

/* A sum times the inverse of what it is measured in, Q15.16. */
static inline int32_t sl_sum_charge(int64_t sum, int64_t inverse, int32_t right,
                                    sl_scratch_t *scratch) {
    const int64_t charge = sl_shift_round64(sum * inverse, right);
    const int32_t kept = sl_clamp64(charge, SL_CHARGE_MAX);
    scratch->saturations[SL_SAT_ACTIVATION] += kept != charge;
    return kept;
}

/* A trace of spikes, Q.8, as an input, Q3.4. */
static inline sl_passed_t sl_sum_input(sl_passed_t trace) {
    return (sl_passed_t)sl_min32(trace >> SL_TRACE_RIGHT, SL_TRACE_INPUT_MAX);
}
