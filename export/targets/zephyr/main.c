/* Reads a sensor, learns, prints and saves. Replace sl_read_sensor() in sensor.c. */
#include <zephyr/kernel.h>

#include "sl_example.h"

int main(void) {
    sl_example_begin();
    while (sl_example_step()) {
        k_sleep(K_SECONDS(1));
    }
    return 0;
}
