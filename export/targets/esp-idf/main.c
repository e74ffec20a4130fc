/* Reads a sensor, learns, prints and saves. Replace sl_read_sensor() in sensor.c. */
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "sl_example.h"

void app_main(void) {
    sl_example_begin();
    while (sl_example_step()) {
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
