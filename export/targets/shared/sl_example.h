/* The example: it reads a sensor, predicts, learns, prints, and saves every hundredth sample. */
#ifndef SL_EXAMPLE_H
#define SL_EXAMPLE_H

#include <stdint.h>

#include "sl_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What sl_read_sensor() returns. */
enum { SL_SENSOR_END = -1, SL_SENSOR_NO_LABEL = 0, SL_SENSOR_LABEL = 1 };

/* REPLACE THIS FUNCTION (sensor.c). Fills in x[0] to x[SL_MODEL_FEATURES - 1], raw values in the
 * sensor's units, in the order of sl_model_feature_names. Fills in *target and returns
 * SL_SENSOR_LABEL if the truth is known: a button was pressed, a machine reported its state. */
int32_t sl_read_sensor(float *x, sl_model_target *target);

void sl_example_begin(void);

/* One sample. Returns 0 if the sensor has ended. */
int32_t sl_example_step(void);

#ifdef __cplusplus
}
#endif

#endif
