#include "sl_backbone.h"

#include <stddef.h>

/* Round to the input's codes, half to even, and clip. */
static int32_t sl_backbone_code(uint32_t bits) {
    const uint32_t significand = (bits & 0x7FFFFFu) | 0x800000u;
    const int32_t shift = 150 - SL_BACKBONE_INPUT_FRAC - (int32_t)(bits >> 23 & 0xFFu);
    const int32_t is_negative = (int32_t)(bits >> 31);
    const uint32_t end = (uint32_t)(is_negative ? -(SL_BACKBONE_LEAST) : SL_BACKBONE_MOST);
    uint32_t size = 0;
    if (shift <= 0) {
        size = end;           /* 2^23 and more */
    } else if (shift <= 24) { /* else below a half */
        const uint32_t rest = significand & ((1u << shift) - 1u);
        const uint32_t half = 1u << (shift - 1);
        size = significand >> shift;
        size += rest > half || (rest == half && (size & 1u) != 0u) ? 1u : 0u;
        size = size < end ? size : end;
    }
    return is_negative ? -(int32_t)size : (int32_t)size;
}

/* A code of the last layer as binary32. */
static uint32_t sl_backbone_bits(uint32_t code) {
    uint32_t exponent = 150u - (uint32_t)(SL_BACKBONE_FEATURE_FRAC);
    if (code == 0u) {
        return 0;
    }
    while (code < 0x800000u) {
        code <<= 1;
        exponent--;
    }
    return exponent << 23 | (code & 0x7FFFFFu);
}

/* ReLU, and the format of the output: half to even. */
static int32_t sl_backbone_out(const sl_backbone_layer_t *layer, int32_t sum) {
    if (sum <= 0) {
        return 0;
    }
    uint32_t code = (uint32_t)sum;
    if (layer->shift > 0) {
        const uint32_t half = 1u << (layer->shift - 1);
        const uint32_t rest = code & ((half << 1) - 1u);
        code = code >> (layer->shift - 1) >> 1;
        code += rest > half || (rest == half && (code & 1u) != 0u) ? 1u : 0u;
    } else {
        code <<= -layer->shift;
    }
    return (int32_t)(code < layer->most ? code : layer->most);
}

static int32_t sl_backbone_dot(int32_t sum, const sl_backbone_code_t *x, const int8_t *weight,
                               uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        sum += (int32_t)x[i] * (int32_t)weight[i];
    }
    return sum;
}

/* The part of a window that lies on its input: rows and columns, first and end. */
typedef struct {
    uint32_t row, row_end, column, column_end;
    int32_t top, left; /* where the window begins */
} sl_backbone_window_t;

static int32_t sl_backbone_pooled(const sl_backbone_layer_t *layer, sl_backbone_window_t on,
                                  const sl_backbone_code_t *x, uint32_t channel) {
    int32_t most = INT32_MIN;
    for (uint32_t r = on.row; r < on.row_end; r++) {
        for (uint32_t c = on.column; c < on.column_end; c++) {
            const uint32_t at =
                (uint32_t)(on.top + (int32_t)r) * layer->columns + (uint32_t)(on.left + (int32_t)c);
            const int32_t code = x[at * layer->channels + channel];
            most = code > most ? code : most;
        }
    }
    return most;
}

static int32_t sl_backbone_sum(const sl_backbone_layer_t *layer, sl_backbone_window_t on,
                               const sl_backbone_code_t *x, uint32_t output) {
    const uint32_t n = (on.column_end - on.column) * layer->channels;
    int32_t sum = layer->bias[output];
    for (uint32_t r = on.row; r < on.row_end; r++) {
        const uint32_t at = (uint32_t)(on.top + (int32_t)r) * layer->columns +
                            (uint32_t)(on.left + (int32_t)on.column);
        const uint32_t of = (output * layer->window_rows + r) * layer->window_columns + on.column;
        sum =
            sl_backbone_dot(sum, x + at * layer->channels, layer->weight + of * layer->channels, n);
    }
    return sum;
}

static void sl_backbone_layer(const sl_backbone_layer_t *layer, const sl_backbone_code_t *x,
                              sl_backbone_code_t *out) {
    for (uint32_t r = 0; r < layer->out_rows; r++) {
        for (uint32_t c = 0; c < layer->out_columns; c++) {
            sl_backbone_window_t on;
            on.top = (int32_t)(r * layer->stride) - layer->padding;
            on.left = (int32_t)(c * layer->stride) - layer->padding;
            const int32_t below = (int32_t)layer->rows - on.top;
            const int32_t right = (int32_t)layer->columns - on.left;
            on.row = on.top < 0 ? (uint32_t)-on.top : 0u;
            on.column = on.left < 0 ? (uint32_t)-on.left : 0u;
            on.row_end = below < layer->window_rows ? (uint32_t)below : layer->window_rows;
            on.column_end = right < layer->window_columns ? (uint32_t)right : layer->window_columns;
            for (uint32_t o = 0; o < layer->outputs; o++) {
                const int32_t code = layer->weight != NULL
                                         ? sl_backbone_out(layer, sl_backbone_sum(layer, on, x, o))
                                         : sl_backbone_pooled(layer, on, x, o);
                *out++ = (sl_backbone_code_t)code;
            }
        }
    }
}

int32_t sl_backbone(sl_backbone_scratch_t *scratch, const uint32_t *x_bits,
                    uint32_t *feature_bits) {
    const sl_backbone_layer_t *first = sl_backbone_layers;
    const sl_backbone_layer_t *last = first + SL_BACKBONE_LAYERS - 1;
    for (uint32_t i = 0; i < SL_BACKBONE_INPUTS; i++) {
        if ((x_bits[i] & 0x7F800000u) == 0x7F800000u) {
            return -1;
        }
    }
    const uint32_t n_places = (uint32_t)first->rows * first->columns;
    for (uint32_t channel = 0; channel < first->channels; channel++) {
        for (uint32_t place = 0; place < n_places; place++) {
            scratch->even[place * first->channels + channel] =
                (sl_backbone_code_t)sl_backbone_code(*x_bits++);
        }
    }
    sl_backbone_code_t *from = scratch->even;
    sl_backbone_code_t *to = scratch->odd;
    for (const sl_backbone_layer_t *layer = first; layer <= last; layer++) {
        sl_backbone_layer(layer, from, to);
        sl_backbone_code_t *const read = from;
        from = to;
        to = read;
    }
    const uint32_t n_last = (uint32_t)last->out_rows * last->out_columns;
    for (uint32_t channel = 0; channel < last->outputs; channel++) {
        for (uint32_t place = 0; place < n_last; place++) {
            *feature_bits++ = sl_backbone_bits((uint32_t)from[place * last->outputs + channel]);
        }
    }
    return 0;
}
