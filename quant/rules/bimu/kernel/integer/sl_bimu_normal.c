/* BiMU in integers: a layer's sums less their mean, their deviation, and the gate. Golden model:
 * the rule's golden_normal.py. */
#include "sl_bimu.h"

enum {
    SL_SIZE_BITS = 15,
    SL_SUM_FRAC_BITS = 12,
};

/* The root of a mean square as 16 bits of mantissa: mantissa * 2^-exponent; 0 of 0. */
static sl_size_t sl_bimu_root(uint32_t square) {
    const int32_t exponent = square == 0 ? 0 : (32 - sl_bit_length(square)) >> 1;
    return (sl_size_t){sl_isqrt32(square << 2 * exponent), exponent};
}

void sl_bimu_normalise(uint32_t index, sl_scratch_t *scratch) {
    const sl_layer_t *layer = &sl_layers[index];
    const int32_t *sums = scratch->sums + layer->unit * L;
    const int64_t n = (int64_t)layer->columns * S;
    int64_t total = 0, largest = 0, power = 0;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            total += sums[j * L + s];
        }
    }
    const int32_t mean = (int32_t)(total / n); /* towards zero */
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            const int64_t apart = (int64_t)sums[j * L + s] - mean;
            largest = apart > largest ? apart : -apart > largest ? -apart : largest;
        }
    }
    const int32_t shift = sl_bit_length((uint32_t)largest) - SL_SIZE_BITS;
    for (uint32_t j = 0; j < layer->columns; j++) {
        for (uint32_t s = 0; s < S; s++) {
            const int64_t apart = (int64_t)sums[j * L + s] - mean;
            const int32_t kept = (int32_t)sl_shift_round64(apart, shift);
            power += kept * kept;
        }
    }
    const sl_size_t root = sl_bimu_root((uint32_t)(power / n));
    const int32_t right = root.exponent - shift;
    scratch->mean[index] = mean;
    scratch->shift = shift;
    scratch->square = (uint32_t)(power / n);
    scratch->size[index] = (sl_size_t){root.mantissa, right + SL_SUM_FRAC_BITS};
    scratch->deviation[index] = right > 0 ? root.mantissa >> right : root.mantissa << -right;
}

void sl_bimu_without_radial(sl_scratch_t *scratch) {
    enum { OUTPUT = SL_N_LAYERS - 1 };
    const int32_t *sums = scratch->sums + sl_layers[OUTPUT].unit * L;
    int64_t total = 0;
    if (SL_RADIAL == 0 || scratch->square == 0) {
        return;
    }
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        for (uint32_t s = 0; s < S; s++) {
            const int64_t apart = (int64_t)sums[k * L + s] - scratch->mean[OUTPUT];
            total += sl_shift_round64(apart, scratch->shift) * scratch->delta[k * L + s];
        }
    }
    const uint64_t size = total < 0 ? 0u - (uint64_t)total : (uint64_t)total;
    const int64_t share = (int64_t)(size / (SL_N_OUTPUTS * S) * SL_RADIAL / scratch->square);
    const int64_t signed_share = total < 0 ? -share : share;
    for (uint32_t k = 0; k < SL_N_OUTPUTS; k++) {
        for (uint32_t s = 0; s < S; s++) {
            const int64_t apart = (int64_t)sums[k * L + s] - scratch->mean[OUTPUT];
            const int64_t kept = sl_shift_round64(apart, scratch->shift);
            scratch->delta[k * L + s] -= (int32_t)sl_shift_round64(kept * signed_share, 16);
        }
    }
}
