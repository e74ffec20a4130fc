/* The learner's interface: what firmware and host call. Sizes and constants come from the
 * generated sl_config.h. No malloc, no stdio, no globals that change; the caller owns all memory.
 *
 * x_bits: SL_N_FEATURES raw sensor values as IEEE-754 binary32 bit patterns.
 * Both verbs return a class index, 0 to SL_N_CLASSES - 1, or a negative sl_status_t;
 * on an error the state is unchanged.
 *
 * With a Gaussian likelihood (SL_GAUSSIAN) they return SL_OK instead of a class, the label is the
 * target as binary32 bits, and scratch.prediction has the mean, the aleatoric and the epistemic
 * standard deviation, all as binary32 bits in the target's units. */
#ifndef SL_LEARNER_H
#define SL_LEARNER_H

#include <stdint.h>

#include "sl_config.h"

#define SL_STATUS_LIST(X)                                                                          \
    X(SL_OK, 0, "ok")                                                                              \
    X(SL_ERR_NOT_FINITE, -1, "an input is NaN or infinite")                                        \
    X(SL_ERR_LABEL, -2, "the label is not a class of this learner")                                \
    X(SL_ERR_DIVERGED, -3, "the state no longer gives finite outputs (float32 only)")

#define SL_STATUS_ENUM(name, value, text) name = value,
typedef enum { SL_STATUS_LIST(SL_STATUS_ENUM) } sl_status_t;
#undef SL_STATUS_ENUM

/* How often each kind of value met the end of its format since the scratch was zeroed. */
enum { SL_SAT_INPUT, SL_SAT_ACTIVATION, SL_SAT_GRADIENT, SL_SAT_MU, SL_SAT_RHO, SL_N_SAT };

#ifndef SL_Q8
#define SL_Q8 0 /* the metaplastic rule */
#endif
#ifndef SL_GAUSSIAN
#define SL_GAUSSIAN 0 /* the output is a number, not a class */
#endif
#ifndef SL_FACTORED
#define SL_FACTORED 0 /* sigma^2 of a layer is a product of a row's and a column's factor */
#endif
#ifndef SL_N_OUTPUTS
#define SL_N_OUTPUTS SL_N_CLASSES
#endif

#define SL_STANDARDISE (SL_FRONT_END == 1)

/* Draws side by side in memory. The host rounds up to whole vectors; the lanes beyond SL_N_DRAWS
 * carry no gradient. */
#ifdef SL_HOST
#define SL_N_LANES ((SL_N_DRAWS + 7) / 8 * 8)
#else
#define SL_N_LANES SL_N_DRAWS
#endif

/* Integers: statistics with exponents. */
#define SL_INTEGER (SL_Q16 || SL_Q8)

#if SL_Q8
#include "sl_metaplastic_q8_state.h"
#elif SL_Q16
/* Exactly what must survive a power cut; docs/state-format.md has every byte. */
typedef struct {
    uint32_t n_samples;       /* samples learned, modulo 2^32: the noise's counter */
    uint32_t seed;            /* of the noise */
    uint32_t front_end_count; /* samples in the statistics, up to the window */
#if SL_GAUSSIAN
    uint32_t target_count;    /* samples in the target's statistics, up to their window */
    int32_t target_mean;      /* in units of 2^-target_exponent */
    uint32_t target_variance; /* in units of 2^-(2 target_exponent), below 2^28 */
    int32_t target_exponent;
#else
    uint32_t reserved; /* 0 */
#endif
#if SL_STANDARDISE
    int32_t mean[SL_N_FEATURES];      /* in units of 2^-exponent */
    uint32_t variance[SL_N_FEATURES]; /* in units of 2^-(2 exponent), below 2^28 */
#endif
#if SL_FACTORED
    uint32_t row[SL_N_ROWS];     /* of sigma^2: 5 bits of exponent and 27 of mantissa */
    uint32_t column[SL_N_UNITS]; /* the other factor */
#endif
#if SL_STANDARDISE
    int16_t exponent[SL_N_FEATURES];
#endif
#if SL_FACTORED
    int16_t mu_frac_bits[SL_N_LAYERS]; /* the f of mu */
    uint16_t mu_peak[SL_N_LAYERS];     /* largest |mu| seen in this sweep */
#endif
    int16_t mu[SL_N_SYNAPSES]; /* Q(15-f).f, f per layer */
#if !SL_FACTORED
    uint16_t rho[SL_N_SYNAPSES]; /* sigma^2 as 5 bits of exponent and 11 of mantissa */
#endif
#if ((SL_STANDARDISE ? SL_N_FEATURES : 0) + (SL_FACTORED ? 1 : 2) * SL_N_SYNAPSES) % 2
    uint16_t padding;
#endif
} sl_state_t;

/* Contents between calls do not matter, but for the counters. */
typedef struct {
    uint32_t saturations[SL_N_SAT];
    int32_t frac_bits[SL_N_LAYERS];                /* of each layer's input; not the first */
    int64_t logit_sum[SL_N_OUTPUTS];               /* Q.16, over the draws */
    int16_t input[SL_N_FEATURES + 1];              /* Q3.4; last: the bias's 1 */
    int16_t hidden[SL_N_HIDDEN_ROWS * SL_N_LANES]; /* frac_bits[layer], [row][draw] */
    int16_t epsilon[SL_N_UNITS * SL_N_LANES];      /* Q7.8, by layer, [unit][draw] */
#if SL_FACTORED
    uint32_t input_root[SL_N_LAYERS * SL_N_LANES]; /* sqrt(sum x^2 row) of each draw */
    int32_t input_exponent[SL_N_LAYERS * SL_N_LANES];
    uint16_t column_root[SL_N_UNITS];
    int32_t column_weight[SL_MAX_UNITS]; /* a layer's column factors at one exponent */
    int64_t by_column[SL_MAX_UNITS];     /* curvature of the columns */
#ifdef SL_HOST
    int32_t row_factor[SL_N_FEATURES + 1]; /* layer 0: a row's step of mu */
    int32_t row_right[SL_N_FEATURES + 1];
    uint32_t row_word[SL_N_FEATURES + 1];
#endif
#if SL_GAUSSIAN
    int32_t inverse[SL_N_LANES]; /* Q.18: 1/spread of the mean */
#endif
#else
    int32_t inverse_first[SL_FIRST_UNITS];          /* Q.18: 1/spread, layer 0 */
    int32_t inverse[SL_N_LATER_UNITS * SL_N_LANES]; /* Q.18: the later layers, [unit][draw] */
#endif
    int32_t block_a[SL_MAX_UNITS * SL_N_LANES]; /* a, then delta */
    int32_t block_b[SL_MAX_UNITS * SL_N_LANES]; /* power, then delta of the layer below */
    int32_t block_c[SL_MAX_UNITS * SL_N_LANES]; /* delta, scaled for a product */
    int32_t row_w[SL_MAX_UNITS];                /* a row's step of mu */
#if !SL_FACTORED
    int32_t block_r[SL_MAX_UNITS * SL_N_LANES]; /* delta epsilon / spread */
    int32_t block_d[SL_MAX_UNITS * SL_N_LANES]; /* r, scaled for a product */
    int32_t row_y[SL_MAX_UNITS];                /* a row's step of rho */
#endif
    uint32_t column_word[SL_MAX_UNITS]; /* dither of the columns */
#if SL_STANDARDISE
    int32_t new_mean[SL_N_FEATURES]; /* statistics that become the state's on learning */
    uint32_t new_variance[SL_N_FEATURES];
    int16_t new_exponent[SL_N_FEATURES];
#endif
    uint32_t new_count;
    uint32_t n_active;
    uint16_t active[SL_N_FEATURES + 1]; /* rows of layer 0 whose input is not 0 */
#if SL_GAUSSIAN
    uint32_t prediction[3];    /* mean, aleatoric and epistemic standard deviation: binary32 */
    int64_t sums[3];           /* what they are made of: docs/numbers.md, section 8 */
    int32_t target;            /* standardised, Q.16 */
    uint32_t new_target_count; /* statistics that become the state's on learning */
    int32_t new_target_mean;
    uint32_t new_target_variance;
    int32_t new_target_exponent;
#endif
} sl_scratch_t;
#else
typedef struct {
    uint32_t n_samples;
    uint32_t seed;
    uint32_t front_end_count;
#if SL_GAUSSIAN
    uint32_t target_count;
    float target_mean;
    float target_variance;
#else
    uint32_t reserved;
#endif
#if SL_STANDARDISE
    float mean[SL_N_FEATURES];
    float variance[SL_N_FEATURES];
#endif
#if SL_FACTORED
    float row[SL_N_ROWS]; /* sigma^2 is a row's times a column's */
    float column[SL_N_UNITS];
    float mu[SL_N_SYNAPSES];
#else
    float mu[SL_N_SYNAPSES];
    float sigma[SL_N_SYNAPSES];
#endif
} sl_state_t;

typedef struct {
    uint32_t saturations[SL_N_SAT];
    float logit_sum[SL_N_OUTPUTS];
    float input[SL_N_FEATURES + 1];
    float hidden[SL_N_HIDDEN_ROWS * SL_N_LANES];
    float epsilon[SL_N_UNITS * SL_N_LANES];
#if SL_FACTORED
    float root[SL_N_LAYERS * SL_N_LANES]; /* sqrt(sum x^2 row) of each draw */
    float column_root[SL_N_UNITS];
#if SL_GAUSSIAN
    float inverse[SL_N_LANES]; /* 1/spread of the mean */
#endif
#else
    float inverse_first[SL_FIRST_UNITS];
    float inverse[SL_N_LATER_UNITS * SL_N_LANES];
#endif
    float block_a[SL_MAX_UNITS * SL_N_LANES];
    float block_b[SL_MAX_UNITS * SL_N_LANES];
    float block_r[SL_MAX_UNITS * SL_N_LANES];
    float block_c[SL_N_LANES * SL_MAX_UNITS];
#if !SL_FACTORED
    float block_d[SL_N_LANES * SL_MAX_UNITS];
#endif
    float row_w[SL_MAX_UNITS];
    float row_y[SL_MAX_UNITS];
#if SL_STANDARDISE
    float new_mean[SL_N_FEATURES];
    float new_variance[SL_N_FEATURES];
#endif
    uint32_t new_count;
    uint32_t n_active;
    uint16_t active[SL_N_FEATURES + 1]; /* rows of layer 0 whose input is not 0 */
#if SL_GAUSSIAN
    uint32_t prediction[3];
    float target;
    uint32_t new_target_count;
    float new_target_mean;
    float new_target_variance;
#endif
} sl_scratch_t;
#endif

/* Only the host's shared library gives the attribute a meaning. */
#define SL_API __attribute__((visibility("default")))

SL_API int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits);

/* Test, then train: returns the class predicted before learning. */
SL_API int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                uint32_t label);

#endif
