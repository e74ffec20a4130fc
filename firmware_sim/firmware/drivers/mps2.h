/* Arm MPS2 FPGA images: CMSDK APB UART (DDI 0479), CMSDK watchdog. Memory stands for flash, so
 * erasing and programming are stores. The port names MPS2_UART, MPS2_UART_IRQ, MPS2_WATCHDOG. */
#ifndef SL_MPS2_H
#define SL_MPS2_H

#include "cortex_m.h"

#define UART_DATA     REG32(MPS2_UART + 0x00u)
#define UART_STATE    REG32(MPS2_UART + 0x04u)
#define UART_CTRL     REG32(MPS2_UART + 0x08u)
#define UART_INTCLEAR REG32(MPS2_UART + 0x0Cu)
#define UART_BAUDDIV  REG32(MPS2_UART + 0x10u)
#define WDOG_LOAD     REG32(MPS2_WATCHDOG + 0x00u)
#define WDOG_CONTROL  REG32(MPS2_WATCHDOG + 0x08u)
#define WDOG_INTCLR   REG32(MPS2_WATCHDOG + 0x0Cu)

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u

void sl_port_start(void) {
    UART_BAUDDIV = SL_CLOCK_HZ / SL_BAUD;
    UART_CTRL = 1u | 2u | 8u; /* transmitter, receiver, the receiver's interrupt */
    cm_mask(MPS2_UART_IRQ);
}

int32_t sl_port_read(void) {
    return (UART_STATE & STATE_RX_FULL) != 0u ? (int32_t)(UART_DATA & 0xFFu) : -1;
}

void sl_port_write(uint8_t byte) {
    while ((UART_STATE & STATE_TX_FULL) != 0u) {
    }
    UART_DATA = byte;
}

void sl_port_sleep(void) {
    cm_sleep(MPS2_UART_IRQ);
    UART_INTCLEAR = 2u;
    NVIC_ICPR(MPS2_UART_IRQ) = 1u << (MPS2_UART_IRQ % 32u);
}

void sl_port_tick(uint32_t on) {
    cm_tick(on, SL_CLOCK_HZ);
}

uint32_t sl_port_ticked(void) {
    return cm_ticked();
}

uint32_t sl_port_erase(uint32_t address) {
    for (uint32_t i = 0; i < SL_PAGE_BYTES; i += 4u) {
        REG32(address + i) = SL_ERASED;
    }
    return 0u;
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
    }
    return 0u;
}

void sl_port_watchdog(void) {
    static uint32_t started;
    WDOG_INTCLR = 1u;
    if (started == 0u) {
        started = 1u;
        WDOG_LOAD = 4u * SL_CLOCK_HZ;
        WDOG_CONTROL = 3u; /* counts, and resets at the second time-out */
    }
}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = 0x4D505332u; /* an FPGA board has no number of its own */
    id[1] = 0u;
}

#endif
