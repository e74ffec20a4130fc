/* REPLACE sl_read_sensor() by your sensor. This one makes up values, so that the example runs on a
 * bare board: every class, or every value of the target, has a pattern of its own, under noise. */
#include "sl_example.h"

#define KINDS (SL_MODEL_CLASSES ? SL_MODEL_CLASSES : 10u)

static uint32_t random_word(void) {
    static uint32_t word = 1u;
    word ^= word << 13;
    word ^= word >> 17;
    word ^= word << 5;
    return word;
}

int32_t sl_read_sensor(float *x, sl_model_target *target) {
    const uint32_t kind = random_word() % KINDS;
    for (uint32_t i = 0; i < SL_MODEL_FEATURES; i++) {
        const float pattern = (float)((i + 1u) * (kind + 1u) % 7u);
        x[i] = 20.0f + pattern + (float)(random_word() >> 8) / 16777216.0f;
    }
    *target = (sl_model_target)kind;
    return SL_SENSOR_LABEL;
}
