/* What spiking units of BiMU hand on: traces of their spikes. Golden model: the rule's
 * golden_spikes.py. */
#pragma once

#include "sl_bimu.h"
#include "sl_bimu_later.h"
#include "sl_sums.h"

enum { SL_CHARGE_RIGHT = 31 + 12 - 16 }; /* from a sum, .12, times an inverse to Q15.16 */

/* What a layer's sums are measured in; units of a hidden layer fire at that. */
static const sl_size_t sl_charges[SL_N_LAYERS] = SL_CHARGES;

/* What the outputs are measured in: their mean is not taken away. */
SL_FOLD void sl_bimu_measure(uint32_t index, sl_scratch_t *scratch) {
    scratch->mean[index] = 0;
    scratch->size[index] = sl_charges[index];
}

/* A hidden layer's sums become charges, the units fire, and their traces become inputs. */
static void sl_bimu_hand_on(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const sl_size_t size = sl_charges[index];
    const int64_t inverse = sl_bimu_inverse(size);
    const int32_t right = SL_CHARGE_RIGHT - size.exponent;
    const int32_t *sums = scratch->sums + layer->unit * L;
    scratch->size[index] = size;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            const uint32_t e = j * L + s;
            scratch->block_a[e] = sl_sum_charge(sums[e], inverse, right, scratch);
        }
    }
    sl_sum_fire(index, L, state, scratch);
}

/* A later layer: every draw has inputs of its own; a row that is 0 in all of them is left out. */
static void sl_forward_later(uint32_t index, const sl_state_t *state, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const uint32_t units = sl_later_rows(index), n = layer->columns * L;
    const sl_later_t *below = sl_later_inputs(scratch, index);
    uint32_t *spread = sl_spreads(scratch, index);
    int32_t *sums = scratch->sums + layer->unit * L;
    const int16_t *epsilon = scratch->epsilon + layer->unit * L;
    uint32_t largest = 0;
    for (uint32_t s = 0; s < S; s++) {
        uint32_t total = SL_BIAS ? SL_SIGN * SL_SIGN : 0;
        for (uint32_t i = 0; i < units; i++) {
            total += (uint32_t)(below[i * L + s] * below[i * L + s]);
        }
        largest = total > largest ? total : largest;
    }
    const int32_t k = sl_square_shift(largest);
    for (uint32_t e = 0; e < n; e++) {
        sums[e] = 0;
        spread[e] = 0;
    }
    for (uint32_t i = 0; i < layer->rows; i++) {
        const sl_belief_t *beliefs = state->belief + layer->belief + i * layer->width;
        int32_t x[L] = {0}, square[L] = {0};
        int32_t any = 0;
        for (uint32_t s = 0; s < S; s++) {
            x[s] = i < units ? below[i * L + s] : SL_SIGN;
            square[s] = sl_shift_round32(x[s] * x[s], k);
            any |= x[s];
        }
        if (!any) {
            continue;
        }
        for (uint32_t j = 0; j < layer->columns; j++) {
            const int32_t entry = sl_entry(beliefs[j]), t = sl_low_half(entry), v = entry >> 16;
            for (uint32_t s = 0; s < L; s++) {
                sums[j * L + s] += t * x[s];
                spread[j * L + s] += (uint32_t)v * (uint32_t)square[s];
            }
        }
    }
    for (uint32_t e = 0; e < n; e++) {
        spread[e] = sl_isqrt32(spread[e]) << (k + 1) / 2;
        sums[e] += sl_noise_of(spread[e], epsilon[e]);
    }
}
