/* nRF51822, on the pins of the BBC micro:bit's USB bridge. */
#define PIN_TX 24u
#define PIN_RX 25u
#include "nrf5.h"
