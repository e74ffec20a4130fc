/* Reads a sensor, learns, prints and saves. Replace sl_read_sensor() in sensor.c. */
#include <Arduino.h>

#include "sl_example.h"

void setup() {
    Serial.begin(115200);
    while (!Serial && millis() < 3000) {
    }
    sl_example_begin();
}

void loop() {
    sl_example_step();
    delay(1000);
}
