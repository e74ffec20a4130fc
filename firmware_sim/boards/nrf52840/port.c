/* nRF52840, on the pins of the development kit's USB bridge. */
#define PIN_TX 6u
#define PIN_RX 8u
#include "nrf5.h"
