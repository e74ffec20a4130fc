/* Mean and power of layer 0's units, some side by side. A desk keeps what a row's beliefs stand for
 * as long as they are the same; a chip looks it up again. */
#pragma once

#include <stdint.h>

#include "sl_bimu.h"

/* So many units that their sums and a row fit the registers; a desk's are vectors. */
enum { SL_SIDE = SL_ON_HOST ? 16 : 2 };

typedef struct {
    int32_t mean[SL_SIDE];
    uint32_t power[SL_SIDE];
} sl_moments_t;

/* Looks up the rows whose beliefs are others than the last time. */
SL_INLINE void sl_keep_beliefs(const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[0];
    for (uint32_t i = 0; i < layer->rows; i++) {
        const sl_belief_t *beliefs = state->belief + i * layer->width;
        sl_belief_t *kept = scratch->kept + i * layer->width;
        int32_t differ = scratch->is_kept[i] ^ 1;
        for (uint32_t j = 0; j < layer->width; j++) {
            differ |= beliefs[j] ^ kept[j];
        }
        scratch->is_kept[i] = 1;
        for (uint32_t j = 0; differ != 0 && j < layer->width; j++) {
            const int32_t entry = sl_entry(beliefs[j]);
            kept[j] = beliefs[j];
            scratch->kept_mean[i * layer->width + j] = (int16_t)sl_low_half(entry);
            scratch->kept_power[i * layer->width + j] = (int16_t)(entry >> 16);
        }
    }
}

/* Of the units from `first` on, over the rows in use. */
SL_INLINE sl_moments_t sl_kept_sums(uint32_t first, uint32_t n, const sl_scratch_t *scratch) {
    const sl_used_t *used = scratch->used, *end = used + n;
    sl_moments_t sum = {{0}, {0}};
    for (; used < end; used++) {
        const int16_t *mean = scratch->kept_mean + used->offset + first;
        const int16_t *power = scratch->kept_power + used->offset + first;
        for (uint32_t c = 0; c < SL_SIDE; c++) { /* behind the last unit: of the next row */
            sum.mean[c] += mean[c] * (int16_t)used->pair;
            sum.power[c] += (uint32_t)(power[c] * (used->pair >> 16));
        }
    }
    return sum;
}

/* The same, looked up. */
SL_INLINE sl_moments_t sl_belief_sums(const sl_belief_t *beliefs, uint32_t n,
                                      const sl_scratch_t *scratch) {
    const sl_used_t *used = scratch->used, *end = used + n;
    const int32_t *middle = sl_belief_table + 128;
    sl_moments_t sum = {{0}, {0}};
    for (; used < end; used++) {
        const sl_belief_t *b = beliefs + used->offset;
        const int32_t both = used->pair;
        SL_UNROLL_ALWAYS
        for (uint32_t c = 0; c < SL_SIDE; c++) {
            const int32_t entry = middle[sl_belief_byte(b[c])];
            sum.mean[c] += (int16_t)entry * (int16_t)both;
            sum.power[c] += (uint32_t)((entry >> 16) * (both >> 16));
        }
    }
    return sum;
}
