/* Arm MPS2, image AN505: a Cortex-M33, from its secure side. */
#define MPS2_UART     0x50200000u
#define MPS2_UART_IRQ 32u
#define MPS2_WATCHDOG 0x50081000u
#include "mps2.h"
