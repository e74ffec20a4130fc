/* REPLACE sl_read_sensor() by your sensor. This one reads rows of numbers from standard input,
 * separated by commas: the features in order, then the class's name (or the value to learn).
 * A row without the last column is only predicted. */
#include "sl_example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sl_port.h"

static char line[32 * (SL_MODEL_FEATURES + 2)];

static int32_t read_target(char *text, sl_model_target *target) {
    text[strcspn(text, "\r\n")] = '\0';
#if SL_MODEL_CLASSES
    for (uint32_t k = 0; k < SL_MODEL_CLASSES; k++) {
        if (strcmp(text, sl_model_class_names[k]) == 0) {
            *target = k;
            return SL_SENSOR_LABEL;
        }
    }
    *target = SL_MODEL_CLASSES; /* refused, and the row says so */
#else
    *target = strtof(text, NULL);
#endif
    return SL_SENSOR_LABEL;
}

int32_t sl_read_sensor(float *x, sl_model_target *target) {
    if (fgets(line, sizeof line, stdin) == NULL) {
        return SL_SENSOR_END;
    }
    char *at = line;
    for (uint32_t i = 0; i < SL_MODEL_FEATURES; i++) {
        char *end;
        x[i] = strtof(at, &end);
        if (end == at) {
            sl_port_print("a row has too few numbers\n");
            return SL_SENSOR_END;
        }
        at = *end == ',' ? end + 1 : end;
    }
    return *at == '\0' || *at == '\n' || *at == '\r' ? SL_SENSOR_NO_LABEL : read_target(at, target);
}
