/* Nordic nRF51 and nRF52 (nRF51 Reference Manual 3.0; nRF52840 Product Specification 1.7): the
 * UART, TIMER0 for ticks (the nRF51 has no SysTick), NVMC, WDT, FICR. The port names its two pins.
 */
#ifndef SL_NRF5_H
#define SL_NRF5_H

#include "cortex_m.h"

#define CLOCK_HFCLKSTART REG32(0x40000000u)
#define CLOCK_STARTED    0x40000100u
#define UART_STARTRX     REG32(0x40002000u)
#define UART_STARTTX     REG32(0x40002008u)
#define UART_RXDRDY      REG32(0x40002108u)
#define UART_TXDRDY      REG32(0x4000211Cu)
#define UART_INTENSET    REG32(0x40002304u)
#define UART_ENABLE      REG32(0x40002500u)
#define UART_PSELTXD     REG32(0x4000250Cu)
#define UART_PSELRXD     REG32(0x40002514u)
#define UART_RXD         REG32(0x40002518u)
#define UART_TXD         REG32(0x4000251Cu)
#define UART_BAUDRATE    REG32(0x40002524u)
#define UART_IRQ         2u
#define GPIO_OUTSET      REG32(0x50000508u)
#define GPIO_DIRSET      REG32(0x50000518u)
#define TIMER_START      REG32(0x40008000u)
#define TIMER_STOP       REG32(0x40008004u)
#define TIMER_CLEAR      REG32(0x4000800Cu)
#define TIMER_COMPARE    REG32(0x40008140u)
#define TIMER_SHORTS     REG32(0x40008200u)
#define TIMER_INTENSET   REG32(0x40008304u)
#define TIMER_BITMODE    REG32(0x40008508u)
#define TIMER_PRESCALER  REG32(0x40008510u)
#define TIMER_CC         REG32(0x40008540u)
#define TIMER_IRQ        8u
#define WDT_START        REG32(0x40010000u)
#define WDT_CRV          REG32(0x40010504u)
#define WDT_RR           REG32(0x40010600u)
#define NVMC_READY       REG32(0x4001E400u)
#define NVMC_CONFIG      REG32(0x4001E504u)
#define NVMC_ERASEPAGE   REG32(0x4001E508u)
#define FICR_DEVICEID    0x10000060u

void sl_port_start(void) {
    CLOCK_HFCLKSTART = 1u; /* the crystal: the internal oscillator is too far off for a UART */
    (void)cm_wait(CLOCK_STARTED, 1u, 1u);
    GPIO_OUTSET = 1u << PIN_TX;
    GPIO_DIRSET = 1u << PIN_TX;
    UART_PSELTXD = PIN_TX;
    UART_PSELRXD = PIN_RX;
    UART_BAUDRATE = (uint32_t)((((uint64_t)SL_BAUD << 32) / 16000000u + 0x800u) & 0xFFFFF000u);
    UART_ENABLE = 4u;
    UART_INTENSET = 1u << 2; /* RXDRDY */
    UART_STARTTX = 1u;
    UART_STARTRX = 1u;
    TIMER_BITMODE = 3u;   /* 32 bits */
    TIMER_PRESCALER = 4u; /* 1 MHz */
    TIMER_CC = 10000u;
    TIMER_SHORTS = 1u; /* start again at the compare */
    TIMER_INTENSET = 1u << 16;
    cm_mask(UART_IRQ);
    cm_mask(TIMER_IRQ);
}

int32_t sl_port_read(void) {
    if (UART_RXDRDY == 0u) {
        return -1;
    }
    UART_RXDRDY = 0u;
    return (int32_t)(UART_RXD & 0xFFu);
}

void sl_port_write(uint8_t byte) {
    UART_TXDRDY = 0u;
    UART_TXD = byte;
    while (UART_TXDRDY == 0u) {
    }
}

void sl_port_sleep(void) {
    cm_sleep(UART_IRQ);
    NVIC_ICPR(TIMER_IRQ) = 1u << TIMER_IRQ;
}

void sl_port_tick(uint32_t on) {
    static uint32_t running;
    if (on != running) {
        running = on;
        if (on != 0u) {
            TIMER_CLEAR = 1u;
            TIMER_START = 1u;
        } else {
            TIMER_STOP = 1u;
        }
    }
}

uint32_t sl_port_ticked(void) {
    if (TIMER_COMPARE == 0u) {
        return 0u;
    }
    TIMER_COMPARE = 0u;
    return 1u;
}

static void nvmc(uint32_t config) {
    while ((NVMC_READY & 1u) == 0u) {
    }
    NVMC_CONFIG = config;
}

uint32_t sl_port_erase(uint32_t address) {
    nvmc(2u);
    NVMC_ERASEPAGE = address;
    nvmc(0u);
    return 0u;
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    nvmc(1u);
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
        nvmc(1u);
    }
    nvmc(0u);
    return 0u;
}

void sl_port_watchdog(void) {
    static uint32_t started;
    if (started == 0u) {
        started = 1u;
        WDT_CRV = 4u * 32768u;
        WDT_START = 1u;
    }
    WDT_RR = 0x6E524635u;
}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = REG32(FICR_DEVICEID);
    id[1] = REG32(FICR_DEVICEID + 4u);
}

#endif
