/* What loops over drawn weights share: vectors, and where a row of a table of noise starts. */
#ifndef DRAWS_H
#define DRAWS_H

#include <stdint.h>

#include "sizes.h" /* INPUTS, HIDDEN, OUTPUTS, DRAWS, COLUMNS, WIDE, LANES, TABLE_BITS */

typedef float vector_t __attribute__((vector_size(4 * LANES), aligned(4)));

static inline vector_t load(const float *p) {
    return *(const vector_t *)p;
}
static inline void store(float *p, vector_t v) {
    *(vector_t *)p = v;
}
static inline vector_t all(float x) {
    return x - (vector_t){0};
}
static inline vector_t between(vector_t v, float least, float most) {
    return __builtin_elementwise_min(__builtin_elementwise_max(v, all(least)), all(most));
}

/* A row of noise starts anywhere in the table. */
static inline uint64_t next_word(uint64_t *word) {
    *word = *word * 6364136223846793005u + 1442695040888963407u;
    return *word >> (64 - TABLE_BITS);
}

/* Sequences of two samples are not shifted copies of each other. splitmix64: Steele et al., 2014.
 */
static inline uint64_t first_word(uint64_t seed, int64_t seen) {
    uint64_t word = (seed << 40) + (uint64_t)seen + 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

#endif
