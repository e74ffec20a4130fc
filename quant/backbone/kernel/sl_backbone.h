/* A frozen network in integers: raw values in, a learner's features out. Sizes come from the
 * generated sl_backbone_config.h, weights from sl_backbone_data.c. The caller owns all memory. */
#pragma once

#include <stdint.h>

#include "sl_backbone_config.h"

/* A convolution; a dense layer is one whose window is its whole input; without weights, a maximum.
 * Codes lie by row, column and channel, weights by output, row, column and channel. */
typedef struct {
    uint16_t channels, rows, columns;        /* of the input */
    uint16_t outputs, out_rows, out_columns; /* of the output */
    uint8_t stride, padding;                 /* of the window */
    uint16_t window_rows, window_columns;    /* its size */
    int16_t shift;                           /* from the sum's fraction bits to the output's */
    uint16_t most;                           /* the largest code of the output */
    const int8_t *weight;
    const int32_t *bias;
} sl_backbone_layer_t;

/* What one layer reads, the next one writes. */
typedef struct {
    sl_backbone_code_t even[SL_BACKBONE_EVEN];
    sl_backbone_code_t odd[SL_BACKBONE_ODD];
} sl_backbone_scratch_t;

extern const sl_backbone_layer_t sl_backbone_layers[SL_BACKBONE_LAYERS];

/* x_bits: SL_BACKBONE_INPUTS raw values; feature_bits: SL_BACKBONE_FEATURES features, of an image
 * channel by channel; both as binary32 bit patterns. Returns 0; or -1, which is SL_ERR_NOT_FINITE,
 * if a value is NaN or infinite, and the features are as before. */
int32_t sl_backbone(sl_backbone_scratch_t *scratch, const uint32_t *x_bits, uint32_t *feature_bits);
