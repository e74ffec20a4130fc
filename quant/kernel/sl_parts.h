/* What the files of the kernel share: helpers, noise, and the verbs of its parts. */
#ifndef SL_PARTS_H
#define SL_PARTS_H

#include "sl_learner.h"

/* On the host inlining makes every size a constant, and sums stay in vector registers, a tile of
 * units at a time; on the chip that would only cost flash, and the sums lie in memory. */
#ifdef SL_HOST
#define SL_INLINE        static inline __attribute__((always_inline))
#define SL_UNROLL_LAYERS _Pragma("GCC unroll 16")
#define SL_UNROLL_DRAWS  _Pragma("GCC unroll 64")
#define SL_FIRST_TILE    64 /* units of the first layer */
#define SL_LATER_TILE    5  /* units of a later layer, each with all its draws */
#else
#define SL_INLINE static __attribute__((noinline))
#define SL_UNROLL_LAYERS
#define SL_UNROLL_DRAWS
#endif

/* Units side by side in vector registers, the last ones one by one: stores under a mask cost more
 * than they save. */
#if defined(SL_HOST) && defined(__clang__) && defined(__AVX512BW__)
#define SL_VECTOR _Pragma("clang loop vectorize(enable)")
#else
#define SL_VECTOR
#endif

/* Draws side by side: kept from being unrolled, a loop over the lanes becomes whole vectors. */
#if defined(SL_HOST) && defined(__clang__)
#define SL_DRAWS  _Pragma("clang loop unroll(disable) vectorize(enable)")
#define SL_SCALAR _Pragma("clang loop vectorize(disable)")
#else
#define SL_DRAWS
#define SL_SCALAR
#endif

#if SL_Q8
/* One layer: a row is an input (the bias is the last), a column a unit; a row of weights has
 * `width` bytes, `columns` rounded up to a whole word. */
typedef struct {
    uint32_t rows, columns, width;
    uint32_t weight; /* offset of its first weight */
    uint32_t sums;   /* index of its first sum */
    int32_t gain;    /* learning rate, Q.8 */
    int32_t backward_shift;
} sl_layer_t;
#else
/* One layer: a row is an input (the bias is the last), a column a unit. */
typedef struct {
    uint32_t rows, columns, fan_in;
    uint32_t synapse; /* index of its first synapse */
    uint32_t hidden;  /* row of its first input in scratch.hidden (from layer 1 on) */
    uint32_t unit;    /* index of its first unit */
    uint32_t later;   /* the same, layer 0 not counted */
    uint32_t first;   /* rows of all layers before it: where the sweep counts from */
#if SL_Q16 && SL_FACTORED
    int32_t v_exponent, mu_prior_q; /* mu_prior_q: .20; pairs are mantissa * 2^-exponent */
    int32_t gain_row[2], gain_column[2], ratio_row[2], ratio_column[2], gain_pull[2];
#elif SL_Q16
    int32_t mu_frac_bits, v_exponent, mu_prior_q;
    uint32_t ratio_mantissa, ratio_exponent;
#else
    float mu_prior, prior_variance;
#endif
} sl_layer_t;
#endif

static const sl_layer_t sl_layers[SL_N_LAYERS] = SL_LAYERS;

/* Random bits: docs/numbers.md, section 4. */
enum {
    SL_STREAM_EPSILON = 0,
    SL_STREAM_ROW = 64,
    SL_STREAM_GATE = 96,
    SL_STREAM_COLUMN = 128,
    SL_STREAM_PULL = 192,
    SL_STREAM_RANGE = 224
};

static inline uint32_t sl_mix32(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

static inline uint32_t sl_noise_key(uint32_t seed, uint32_t sample) {
    return sl_mix32(sl_mix32(seed + 0x9E3779B9u) + sample * 0x9E3779B9u);
}

static inline uint32_t sl_noise_word(uint32_t key, uint32_t stream, uint32_t index) {
    return sl_mix32(key + ((stream << 24) + index) * 0x9E3779B9u);
}

#if !SL_Q8
/* List the rows of layer 0 that take part: all others have input 0 and cost nothing. */
static inline void sl_list_active(sl_scratch_t *scratch) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES + SL_BIAS; i++) {
        scratch->active[n] = (uint16_t)i;
        n += scratch->input[i] != 0;
    }
    scratch->n_active = n;
}

/* The first of a layer's rows, a multiple of SL_SWEEP apart, that the prior pulls this time. */
static inline uint32_t sl_first_pulled(const sl_layer_t *layer, uint32_t n_samples) {
    return (0u - layer->first - n_samples) % SL_SWEEP;
}
#endif

/* The verbs of the parts. Standardising writes scratch.input and the new statistics. */
void sl_front_end_update(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);
int32_t sl_mesu_forward(const sl_state_t *state, sl_scratch_t *scratch);
void sl_mesu_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label);
int32_t sl_metaplastic_forward(const sl_state_t *state, sl_scratch_t *scratch);
void sl_metaplastic_update(sl_state_t *state, sl_scratch_t *scratch, uint32_t label);

#if SL_GAUSSIAN
/* From the outputs of the forward pass: scratch.prediction. */
void sl_gaussian_predict(const sl_state_t *state, sl_scratch_t *scratch);
/* Standardise the target: scratch.target and its new statistics. */
void sl_gaussian_target(const sl_state_t *state, sl_scratch_t *scratch, uint32_t y_bits);
/* Gradient of the loss by the outputs, in place of them. */
#if SL_Q16
void sl_gaussian_gradient(sl_scratch_t *scratch, int32_t *outputs);
#else
void sl_gaussian_gradient(sl_scratch_t *scratch, float *outputs);
#endif
#endif

#if !SL_INTEGER
#define SL_RAW_MAX 1e18f /* of a sensor value: its square, and a sum of squares, stay finite */

static inline float sl_float_of(uint32_t bits) {
    const union {
        uint32_t bits;
        float value;
    } both = {bits};
    return both.value;
}

/* exp(x) for x in [-87, 0]: 2^n times a polynomial of degree 6, relative error below 2e-7. */
static inline float sl_exp(float x) {
    float y = x * 1.44269504f;
    int32_t n = (int32_t)(y - 0.5f);
    float f = (y - (float)n) * 0.693147181f;
    float p =
        1.0f +
        f * (1.0f +
             f * (0.5f + f * (1.0f / 6 + f * (1.0f / 24 + f * (1.0f / 120 + f * (1.0f / 720))))));
    const union {
        int32_t bits;
        float value;
    } scale = {(n + 127) << 23};
    return p * scale.value;
}
#endif

#endif
