/* The example as a program. */
#include "sl_example.h"

int main(void) {
    sl_example_begin();
    while (sl_example_step()) {
    }
    return 0;
}
