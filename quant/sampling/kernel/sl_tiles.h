/* The products of a layer's inputs with its weights, a tile of units at a time on the host: their
 * sums stay in vector registers. */
#pragma once

#include "sl_build.h"
#include "sl_lanes.h"
#include "sl_products.h"
#include "sl_rule.h"
#include "sl_types.h"

enum { SL_TILE_SUMS = SL_LATER_TILE * L > SL_FIRST_TILE ? SL_LATER_TILE * L : SL_FIRST_TILE };

/* Sets mean and, if the rule sums squares of every unit, power: of layer 0 [unit], of a later layer
 * [unit][lane]. */
SL_FOLD void sl_sum_units(const sl_layer_t *layer, const sl_product_t *product, uint32_t later,
                          sl_sum_t *mean, sl_power_t *power) {
    const uint32_t lanes = later ? L : 1, tile = later ? SL_LATER_TILE : SL_FIRST_TILE;
    if (SL_ON_HOST) {
        for (uint32_t j = 0; j < layer->columns; j += tile) {
            sl_sum_t sum[SL_TILE_SUMS] = {0};
            sl_power_t squares[SL_TILE_SUMS] = {0};
            const uint32_t left = layer->columns - j;
            if (left >= tile) {
                sl_add_units(layer, product, later, j, tile, sum, squares);
            } else {
                sl_add_units(layer, product, later, j, layer->columns % tile, sum, squares);
            }
            for (uint32_t e = 0; e < tile * lanes && e < left * lanes; e++) {
                mean[j * lanes + e] = sum[e];
                if (SL_UNIT_POWERS) {
                    power[j * lanes + e] = squares[e];
                }
            }
        }
        return;
    }
    for (uint32_t e = 0; e < layer->columns * lanes; e++) {
        mean[e] = 0;
        if (SL_UNIT_POWERS) {
            power[e] = 0;
        }
    }
    sl_add_units(layer, product, later, 0, layer->columns, mean, power);
}
