/* The prior's pull on a row in plain C. */
#pragma once

#include "sl_steps.h"

SL_INLINE uint32_t sl_pull_row(int16_t *mu, int16_t *rho, int32_t exponent, const sl_layer_t *layer,
                               sl_mesu_pull_t pull, uint32_t row_word, const uint32_t *column_word,
                               uint32_t *count) {
    return sl_mesu_pull_row_q16(mu, rho, exponent, layer, pull, row_word, column_word, count);
}
