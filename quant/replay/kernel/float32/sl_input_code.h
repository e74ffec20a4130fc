/* Inputs as they are stored: rounded to Q3.4, half away from zero; the front end clamped them. */
#pragma once

#include <stdint.h>

static inline int8_t sl_input_code(float input) {
    return (int8_t)(input * 16.0f + (input < 0 ? -0.5f : 0.5f));
}

static inline float sl_input_of_code(int8_t code) {
    return (float)code / 16.0f;
}
