/* MESU in float32: layers and scratch. */
#pragma once

/* Rows whose input is not 0 are listed, and counted. */
#define SL_LISTS_ACTIVE  1
#define SL_COUNTS_ACTIVE 1

#include "sl_sampling_rule.h"

/* Whether an update of layer 0 may take the next sample's products with it: one way through the
 * weights instead of two. A replay comes between two samples, and traces must follow the first. */
#define SL_LOOKS_AHEAD (SL_ON_HOST && SL_N_LAYERS > 1 && SL_REPLAY_CAPACITY == 0 && !SL_IN_TIME)

typedef struct {
    SL_LAYER_PLACE
    float mu_prior, prior_variance;
} sl_layer_t;

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    SL_SAMPLING_FIRST
    float logit_sum[SL_N_OUTPUTS];                       /* over the draws */
    float input[SL_N_INPUTS + 1];                        /* last: the bias's 1 */
    float hidden[SL_N_HIDDEN_ROWS * SL_N_LANES];         /* [row][draw] */
    float epsilon[SL_N_UNITS * SL_N_LANES];              /* by layer, [unit][draw] */
    float inverse_first[SL_PADDED(SL_FIRST_UNITS)];      /* 1/spread, layer 0 */
    float inverse[SL_N_LATER_UNITS * SL_N_LANES];        /* the later layers, [unit][draw] */
    float block_a[SL_MAX_UNITS * SL_N_LANES];            /* a, then delta */
    float block_b[SL_MAX_UNITS * SL_N_LANES];            /* power, then delta of the layer below */
    float block_r[SL_MAX_UNITS * SL_N_LANES];            /* mean, then delta epsilon / spread */
    float block_c[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* delta times its gain, [draw][unit] */
    float block_d[SL_N_DRAWS * SL_PADDED(SL_MAX_UNITS)]; /* r times its gain, [draw][unit] */
    float row_w[SL_PADDED(SL_MAX_UNITS)]; /* layer 0's spread; the slope's gradient by unit */
#if SL_LOOKS_AHEAD
    uint32_t ahead;                               /* whether input is the next sample's */
    float past[SL_N_INPUTS + 1];                  /* then: the input that is learned */
    float ahead_mean[SL_PADDED(SL_FIRST_UNITS)];  /* the next sample's products in layer 0 */
    float ahead_power[SL_PADDED(SL_FIRST_UNITS)]; /* and those of its squares */
#endif
    SL_SAMPLING_SCRATCH
} sl_scratch_t;

#if SL_LOOKS_AHEAD
#define SL_AHEAD(scratch)        ((scratch)->ahead)
#define SL_FORGET_AHEAD(scratch) ((void)((scratch)->ahead = 0))

/* Before the front end writes the next sample's inputs. */
static inline void sl_rule_look_ahead(sl_scratch_t *scratch) {
    __builtin_memcpy(scratch->past, scratch->input, sizeof scratch->past);
    scratch->ahead = 1;
}

static inline void sl_mesu_take_ahead_f32(sl_scratch_t *scratch, float **mean, float **power) {
    *mean = scratch->ahead_mean;
    *power = scratch->ahead_power;
    scratch->ahead = 0;
}
#else
#define SL_AHEAD(scratch)        ((void)(scratch), 0u)
#define SL_FORGET_AHEAD(scratch) ((void)(scratch))

static inline void sl_mesu_take_ahead_f32(sl_scratch_t *scratch, float **mean, float **power) {
    (void)scratch;
    (void)mean;
    (void)power;
}
#endif

/* 1/spread of the first output in a draw. */
static inline float sl_rule_inverse(const sl_scratch_t *scratch, uint32_t draw) {
    const uint32_t later = sl_layers[SL_N_LAYERS - 1].later;
    return SL_N_LAYERS == 1 ? scratch->inverse_first[0] : scratch->inverse[later * L + draw];
}

/* Nothing was drawn. */
static inline void sl_rule_no_spread(sl_scratch_t *scratch) {
    float *inverse = scratch->inverse + sl_layers[SL_N_LAYERS - 1].later * L;
    for (uint32_t s = 0; s < S; s++) {
        *(SL_N_LAYERS == 1 ? scratch->inverse_first : inverse + s) = 0.0f;
    }
}
