/* Rows of a layer's own units, and what they bring. Golden model: quant/spiking/recurrence.py. */
#pragma once

#include <stdint.h>

#include "sl_config.h"
#include "sl_rule.h"
#include "sl_trace.h"

enum { SL_OWN_WHOLE = 16 }; /* an input's spike, Q3.4 */

/* Rows of a layer that are its own units'. */
static inline uint32_t sl_own_rows(uint32_t index) {
    return index + 1 < SL_N_LAYERS ? sl_layers[index].columns : 0;
}

/* A unit of which every draw fired: an input's spike where that charges the layer; else less, so
 * that its trace adds up to two of them. */
static inline uint32_t sl_own_brings(uint32_t index) {
    const uint32_t less = 2u * SL_OWN_WHOLE >> sl_leaks[index];
    return SL_CHARGED ? SL_OWN_WHOLE : less != 0 ? less : 1;
}
