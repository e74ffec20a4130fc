/* MESU in integers: layers and scratch. Formats, shifts and bounds: the rule's NUMBERS.md. */
#pragma once

/* The host takes all rows of layer 0 side by side; a chip keeps a bit of each. */
#define SL_LISTS_ACTIVE  0
#define SL_COUNTS_ACTIVE SL_ON_HOST

#include "sl_active.h"
#include "sl_columns.h"
#include "sl_pairs.h"
#include "sl_sampling_rule.h"

typedef struct {
    SL_LAYER_PLACE
    int32_t mu_frac_bits, v_exponent, mu_prior_q;
    uint32_t ratio_mantissa, ratio_exponent;
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

enum {
    SL_ROOM_UNITS = SL_WHOLE(SL_MAX_UNITS),
    /* Of a layer's inputs, two rows of a draw; of its gradients, two units of a draw, or two draws
     * of a unit. */
    SL_ROW_PAIRS = (SL_N_HIDDEN_ROWS + SL_N_LAYERS) / 2 * SL_N_LANES,
    SL_UNIT_PAIRS = (SL_MAX_UNITS + 1) / 2 * SL_N_LANES,
    SL_DRAW_PAIRS = (SL_N_DRAWS + 1) / 2 * SL_ROOM_UNITS,
    SL_WIDE_PAIRS = SL_UNIT_PAIRS > SL_DRAW_PAIRS ? SL_UNIT_PAIRS : SL_DRAW_PAIRS,
    SL_N_PAIRS = SL_ROW_PAIRS > SL_WIDE_PAIRS ? SL_ROW_PAIRS : SL_WIDE_PAIRS,
    /* On a chip: units of a later layer, with their draws; layer 0 needs one number per unit. */
    SL_SOME_UNITS = SL_N_LAYERS == 1 || SL_ON_HOST ? SL_ROOM_UNITS : SL_N_LATER_UNITS,
    SL_KEPT = SL_ON_HOST, /* a chip computes it again, or in place */
    SL_ALL_DRAWS = SL_MAX_UNITS * SL_N_LANES,
    SL_LATER_DRAWS = SL_N_LATER_UNITS * SL_N_LANES,
    SL_ONE_LAYER = SL_LATER_DRAWS > SL_FIRST_UNITS ? SL_LATER_DRAWS : SL_FIRST_UNITS + SL_N_LANES,
    SL_FEW = SL_ON_HOST || SL_ONE_LAYER > SL_ALL_DRAWS ? SL_ALL_DRAWS : SL_ONE_LAYER,
};

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    SL_SAMPLING_FIRST
    int32_t reach, reach_squared;                  /* golden's, of layer 0's inputs */
    int32_t frac_bits[SL_N_LAYERS];                /* of each layer's input; not the first */
    int32_t narrow[SL_N_LAYERS];                   /* by how much scratch.narrowed has fewer */
    int64_t logit_sum[SL_N_OUTPUTS];               /* Q.16, over the draws */
    sl_input_t input[SL_N_INPUTS + 1];             /* Q3.4; last: the bias's 1 */
    int16_t hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* frac_bits[layer], [row][draw] */
    uint8_t narrowed[SL_KEPT * SL_N_HIDDEN_ROWS * SL_N_LANES + 1]; /* the same in 8 bits */
    int16_t epsilon[SL_N_UNITS * SL_N_LANES];       /* Q7.8, by layer, [unit][draw] */
    int32_t inverse_first[SL_FIRST_UNITS];          /* Q.18: 1/spread, layer 0 */
    int32_t inverse[SL_N_LATER_UNITS * SL_N_LANES]; /* Q.18: the later layers, [unit][draw] */
    int32_t block_a[SL_MAX_UNITS * SL_N_LANES];     /* a, then delta */
    int32_t block_b[SL_MAX_UNITS * SL_N_LANES];     /* power, then delta of the layer below */
    int32_t block_r[SL_FEW];                        /* mean, then delta epsilon / spread */
    int32_t block_c[SL_KEPT * SL_FIRST_UNITS + SL_N_LANES]; /* layer 0's delta, summed and scaled */
    __extension__ union {
        __extension__ struct {
            int16_t pairs_a[2 * SL_N_PAIRS]; /* factors of sums, two and two */
            int16_t pairs_b[2 * SL_N_PAIRS];
        };
        sl_columns_t columns; /* what the columns of layer 0 step by */
    };
    int32_t row_w[SL_SOME_UNITS];                                     /* a row's step of mu */
    int32_t row_y[SL_ON_HOST ? SL_ROOM_UNITS : SL_N_LATER_UNITS + 1]; /* a row's step of rho */
    uint32_t column_word[SL_ROOM_UNITS];                              /* dither of the columns */
    uint32_t active_mask[SL_ON_HOST ? 1 : SL_ACTIVE_WORDS];
    SL_SAMPLING_SCRATCH
} sl_scratch_t;

/* Fraction bits of a layer's mu. */
static inline int32_t sl_rule_mu_frac_bits(const sl_state_t *state, uint32_t index) {
    (void)state;
    return sl_layers[index].mu_frac_bits;
}

/* Q.18: 1/spread of the first output in a draw. */
static inline int32_t sl_rule_inverse(const sl_scratch_t *scratch, uint32_t draw) {
    const uint32_t later = sl_layers[SL_N_LAYERS - 1].later;
    return SL_N_LAYERS == 1 ? scratch->inverse_first[0] : scratch->inverse[later * L + draw];
}

/* Nothing was drawn. */
static inline void sl_rule_no_spread(sl_scratch_t *scratch) {
    int32_t *inverse = scratch->inverse + sl_layers[SL_N_LAYERS - 1].later * L;
    for (uint32_t s = 0; s < S; s++) {
        *(SL_N_LAYERS == 1 ? scratch->inverse_first : inverse + s) = 0;
    }
}
