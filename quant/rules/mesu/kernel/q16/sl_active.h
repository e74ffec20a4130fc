/* The rows of layer 0 whose input is not 0, a bit each: a list would take sixteen times as much of
 * a chip's memory. */
#pragma once

#include <stdint.h>

#include "sl_config.h"
#include "sl_inputs.h"

/* One more than 32 rows need: a walk reads the word behind a full one. */
enum { SL_ACTIVE_WORDS = (SL_N_INPUTS + SL_BIAS) / 32 + 1 };

/* Where a walk over the active rows is. */
typedef struct {
    const uint32_t *next; /* word of the mask */
    uint32_t bits, row;
} sl_walk_t;

static inline sl_walk_t sl_walk(const uint32_t *mask) {
    return (sl_walk_t){mask + 1, mask[0], 0};
}

/* The next active row; the caller knows that there is one. */
static inline uint32_t sl_walk_on(sl_walk_t *walk) {
#ifdef __thumb2__ /* counts zeros in two instructions */
    while (walk->bits == 0) {
        walk->bits = *walk->next++;
        walk->row += 32;
    }
    const uint32_t found = walk->row + (uint32_t)__builtin_ctz(walk->bits);
    walk->bits &= walk->bits - 1;
    return found;
#else
    for (;;) {
        const uint32_t row = walk->row++, active = walk->bits & 1;
        walk->bits >>= 1;
        if (walk->row % 32 == 0) {
            walk->bits = *walk->next++;
        }
        if (active) {
            return row;
        }
    }
#endif
}
