/* What the two passes of the rule of few levels share. */
#pragma once

#include "sl_rule.h"

enum { SL_ONE = 16 }; /* the bias's input, Q3.4 */

/* Input i of a layer, Q3.4. */
static inline int32_t sl_input(const sl_scratch_t *scratch, uint32_t index, uint32_t i) {
    return index == 0 ? scratch->input[i] : scratch->units[sl_layers[index].first + i];
}
