/* Arm MPS2, image AN500: a Cortex-M7. */
#define MPS2_UART     0x40004000u
#define MPS2_UART_IRQ 0u
#define MPS2_WATCHDOG 0x40008000u
#include "mps2.h"
