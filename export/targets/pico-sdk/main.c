/* Reads a sensor, learns, prints and saves. Replace sl_read_sensor() in sensor.c. */
#include "pico/stdlib.h"

#include "sl_example.h"

int main(void) {
    stdio_init_all();
    sleep_ms(2000); /* for who opens the terminal */
    sl_example_begin();
    while (sl_example_step()) {
        sleep_ms(1000);
    }
    return 0;
}
