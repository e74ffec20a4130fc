/* Inputs as they are stored: the integers' own, Q3.4. */
#pragma once

#include <stdint.h>

static inline int8_t sl_input_code(int16_t input) {
    return (int8_t)input;
}

static inline int8_t sl_input_of_code(int8_t code) {
    return code;
}
