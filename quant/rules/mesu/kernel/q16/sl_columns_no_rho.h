/* Where steps of rho have no lanes of their own: 0 says that sl_step_rho takes the row. Comes
 * behind sl_columns_t. */
#pragma once

#include <stdint.h>

#include "sl_columns.h"

static inline void sl_columns_set_rho(sl_columns_t *columns, uint32_t j, int32_t q,
                                      uint32_t dither) {
    (void)columns;
    (void)j;
    (void)q;
    (void)dither;
}

static inline void sl_columns_begin(sl_columns_t *columns, int32_t right_rho) {
    (void)columns;
    (void)right_rho;
}

static inline uint32_t sl_columns_step_rho(const sl_columns_t *columns, uint32_t row, int16_t *rho,
                                           int32_t factor, uint32_t dither) {
    (void)columns;
    (void)row;
    (void)rho;
    (void)factor;
    (void)dither;
    return 0;
}

static inline uint64_t sl_columns_mask(const int16_t *factor) {
    uint64_t mask = 0;
    for (uint32_t k = 0; k < SL_MASK; k++) {
        mask |= (uint64_t)(factor[k] != 0) << k;
    }
    return mask;
}
