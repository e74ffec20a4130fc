/* State and scratch of the metaplastic rule, one byte a synapse. Part of sl_learner.h. */
#ifndef SL_METAPLASTIC_Q8_STATE_H
#define SL_METAPLASTIC_Q8_STATE_H

#if SL_Q8

#define SL_N_DRAWS 1 /* nothing is sampled */

#ifndef SL_N_BLOCKS
#define SL_N_BLOCKS 0 /* of units of the first hidden layer; 0: all units take part */
#endif

/* Exactly what must survive a power cut; docs/state-format.md has every byte. */
typedef struct {
    uint32_t n_samples;       /* samples learned, modulo 2^32: the noise's counter */
    uint32_t seed;            /* of the noise */
    uint32_t front_end_count; /* samples in the statistics, up to the window */
    int32_t log_temperature;  /* Q15.16: log2 of what the logits are divided by */
#if SL_N_BLOCKS
    uint32_t gates; /* SL_N_BLOCKS << 16 | SL_N_ACTIVE */
#endif
#if SL_STANDARDISE
    int32_t mean[SL_N_FEATURES];      /* in units of 2^-exponent */
    uint32_t variance[SL_N_FEATURES]; /* in units of 2^-(2 exponent), below 2^28 */
    int16_t exponent[SL_N_FEATURES];
#if SL_N_FEATURES % 2
    uint16_t padding;
#endif
#endif
    int8_t hidden_weight[SL_WEIGHT_BYTES]; /* Q0.7; rows end at a word, padded with 0 */
} sl_state_t;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    int32_t logit_sum[SL_N_CLASSES];          /* Q.16 */
    int32_t sums[SL_N_SUMS];                  /* sum of x b(w), by layer, [width] */
    int32_t delta[SL_MAX_WIDTH];              /* gradient by a layer's sums, Q.12 */
    int32_t below[SL_MAX_WIDTH];              /* the same of the layer below */
    uint32_t norm_mantissa[SL_N_LAYERS];      /* root of the input's sum of squares */
    int32_t norm_exponent[SL_N_LAYERS];       /* norm = mantissa * 2^-exponent */
    int16_t input[SL_N_FEATURES + 1];         /* Q3.4; last: the bias's 1 */
    uint16_t row[SL_MAX_ROWS];                /* rows in use: x > 0 from the front, x < 0 behind */
    uint8_t row_size[(SL_MAX_ROWS + 3) & ~3]; /* |x| of each */
    uint16_t column[SL_MAX_WIDTH];     /* columns that fire, or have a gradient; words to sum */
    int16_t column_step[SL_MAX_WIDTH]; /* pulses of each, signed */
    uint16_t column_dither[SL_MAX_WIDTH];
#if SL_N_BLOCKS
    int32_t answer[(SL_N_BLOCKS + 31) & ~31u]; /* of each block, Q.4 */
    uint16_t strongest[SL_N_ACTIVE];           /* blocks, by their answer */
    uint8_t active[SL_N_BLOCKS];               /* whether a block takes part */
#endif
#if SL_STANDARDISE
    int32_t new_mean[SL_N_FEATURES]; /* statistics that become the state's on learning */
    uint32_t new_variance[SL_N_FEATURES];
    int16_t new_exponent[SL_N_FEATURES];
#endif
    uint32_t new_count;
} sl_scratch_t;

/* After predicting: how many hidden units are inside the window, undecided about the sample. Far
 * more than usual say that it is unlike what was learned. */
__attribute__((visibility("default"))) uint32_t
sl_metaplastic_undecided(const sl_scratch_t *scratch);

#endif
#endif
