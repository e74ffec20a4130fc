/* RP2040 (Pico): UART0 on GPIO 0 and 1; 133 MHz from the crystal of 12 MHz (RP2040 Datasheet).
 * The flash is a chip of its own behind the SSI: what erases and programs it runs from RAM, talks
 * to the chip by its commands (W25Q16JV) and then reads in place again. */
#include "cortex_m.h"

#define RESETS_RESET     REG32(0x4000C000u)
#define RESETS_DONE      0x4000C008u
#define XOSC_CTRL        REG32(0x40024000u)
#define XOSC_STATUS      0x40024004u
#define XOSC_STARTUP     REG32(0x4002400Cu)
#define PLL_CS           0x40028000u
#define PLL_PWR          REG32(0x40028004u)
#define PLL_FBDIV        REG32(0x40028008u)
#define PLL_PRIM         REG32(0x4002800Cu)
#define CLK_REF_CTRL     REG32(0x40008030u)
#define CLK_REF_SELECTED 0x40008038u
#define CLK_SYS_CTRL     REG32(0x4000803Cu)
#define CLK_SYS_SELECTED 0x40008044u
#define CLK_PERI_CTRL    REG32(0x40008048u)
#define GPIO0_CTRL       REG32(0x40014004u)
#define GPIO1_CTRL       REG32(0x4001400Cu)
#define UART_DR          REG32(0x40034000u)
#define UART_FR          REG32(0x40034018u)
#define UART_IBRD        REG32(0x40034024u)
#define UART_FBRD        REG32(0x40034028u)
#define UART_LCR         REG32(0x4003402Cu)
#define UART_CR          REG32(0x40034030u)
#define UART_IFLS        REG32(0x40034034u)
#define UART_IMSC        REG32(0x40034038u)
#define UART_IRQ         20u
#define WATCHDOG_CTRL    REG32(0x40058000u)
#define WATCHDOG_LOAD    REG32(0x40058004u)
#define WATCHDOG_TICK    REG32(0x4005802Cu)
#define SSI_CTRLR0       REG32(0x18000000u)
#define SSI_CTRLR1       REG32(0x18000004u)
#define SSI_SSIENR       REG32(0x18000008u)
#define SSI_SER          REG32(0x18000010u)
#define SSI_SR           REG32(0x18000028u)
#define SSI_DR           REG32(0x18000060u)
#define SSI_SPI_CTRLR0   REG32(0x180000F4u)
#define QSPI_SS_CTRL     REG32(0x4001800Cu)
#define XIP_FLUSH        REG32(0x14000004u)

#define RESET_UART0   (1u << 22)
#define RESET_PLL_SYS (1u << 12)
#define RESET_BANK0   ((1u << 5) | (1u << 8)) /* IO_BANK0, PADS_BANK0 */
#define FR_EMPTY      (1u << 4)
#define FR_TX_FULL    (1u << 5)
#define SSI_RX_THERE  (1u << 3)
#define IN_RAM        __attribute__((section(".data.in_ram"), noinline))

enum {
    CMD_PROGRAM = 0x02,
    CMD_READ = 0x03,
    CMD_STATUS = 0x05,
    CMD_WRITE = 0x06,
    CMD_ERASE = 0x20,
    CMD_ID = 0x4B
};

static uint32_t core_hz;

void sl_port_start(void) {
    uint32_t wanted = RESET_UART0 | RESET_PLL_SYS | RESET_BANK0;
    core_hz = 6500000u; /* the ring oscillator, about */
    XOSC_STARTUP = 47u;
    XOSC_CTRL = 0xFABAA0u;
    RESETS_RESET = RESETS_RESET & ~wanted;
    (void)cm_wait(RESETS_DONE, wanted, wanted);
    if (cm_wait(XOSC_STATUS, 1u << 31, 1u << 31) != 0u) {
        CLK_REF_CTRL = 2u;
        (void)cm_wait(CLK_REF_SELECTED, 4u, 4u);
        PLL_FBDIV = 133u;
        PLL_PWR = 0x0Cu; /* on, but for its outputs */
        core_hz = 12000000u;
        CLK_SYS_CTRL = 0u; /* the reference clock */
        if (cm_wait(PLL_CS, 1u << 31, 1u << 31) != 0u) {
            PLL_PRIM = (6u << 16) | (2u << 12);
            PLL_PWR = 0x04u;
            CLK_SYS_CTRL = 1u; /* the PLL, its first source */
            (void)cm_wait(CLK_SYS_SELECTED, 2u, 2u);
            core_hz = SL_CLOCK_HZ;
        }
    }
    CLK_PERI_CTRL = 1u << 11; /* from the system's clock */
    GPIO0_CTRL = 2u;
    GPIO1_CTRL = 2u;
    const uint32_t divider = (4u * core_hz + SL_BAUD / 2u) / SL_BAUD; /* in 64ths */
    UART_IBRD = divider >> 6;
    UART_FBRD = divider & 63u;
    UART_LCR = 0x70u; /* 8 bits, queues */
    UART_IFLS = 0u;
    UART_IMSC = (1u << 4) | (1u << 6); /* an eighth full, or quiet */
    UART_CR = 0x301u;
    cm_mask(UART_IRQ);
}

int32_t sl_port_read(void) {
    return (UART_FR & FR_EMPTY) == 0u ? (int32_t)(UART_DR & 0xFFu) : -1;
}

void sl_port_write(uint8_t byte) {
    while ((UART_FR & FR_TX_FULL) != 0u) {
    }
    UART_DR = byte;
}

void sl_port_sleep(void) {
    cm_sleep(UART_IRQ);
}

void sl_port_tick(uint32_t on) {
    cm_tick(on, core_hz);
}

uint32_t sl_port_ticked(void) {
    return cm_ticked();
}

IN_RAM static void select_chip(uint32_t on) {
    QSPI_SS_CTRL = on != 0u ? 2u << 8 : 3u << 8; /* low, high */
}

IN_RAM static uint32_t swap(uint32_t byte) {
    SSI_DR = byte;
    while ((SSI_SR & SSI_RX_THERE) == 0u) {
    }
    return SSI_DR & 0xFFu;
}

/* One command: its byte, an address of 24 bits, bytes out, bytes in. */
IN_RAM static void command(uint32_t code, uint32_t address, const uint8_t *out, uint8_t *in,
                           uint32_t count) {
    select_chip(1u);
    (void)swap(code);
    if (code != CMD_WRITE && code != CMD_STATUS) {
        (void)swap((address >> 16) & 0xFFu);
        (void)swap((address >> 8) & 0xFFu);
        (void)swap(address & 0xFFu);
    }
    if (code == CMD_ID) {
        (void)swap(0u);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t byte = swap(out != 0 ? out[i] : 0u);
        if (in != 0) {
            in[i] = (uint8_t)byte;
        }
    }
    select_chip(0u);
}

/* Leaves reading in place, does one command, waits for the chip, reads in place again. */
IN_RAM static void chip(uint32_t code, uint32_t address, const uint8_t *out, uint8_t *in,
                        uint32_t count) {
    SSI_SSIENR = 0u;
    SSI_CTRLR0 = 7u << 16; /* frames of 8 bits, both ways */
    SSI_SER = 1u;
    SSI_SSIENR = 1u;
    if (code != CMD_ID) {
        command(CMD_WRITE, 0u, 0, 0, 0u);
    }
    command(code, address, out, in, count);
    uint8_t status = 1u;
    while ((status & 1u) != 0u) {
        command(CMD_STATUS, 0u, 0, &status, 1u);
    }
    SSI_SSIENR = 0u; /* as boot2.c left it */
    SSI_CTRLR0 = (31u << 16) | (3u << 8);
    SSI_CTRLR1 = 0u;
    SSI_SPI_CTRLR0 = ((uint32_t)CMD_READ << 24) | (2u << 8) | (6u << 2);
    SSI_SSIENR = 1u;
    QSPI_SS_CTRL = 0u;
    XIP_FLUSH = 1u;  /* the cache still has what was there before */
    (void)XIP_FLUSH; /* waits until it is empty */
}

uint32_t sl_port_erase(uint32_t address) {
    chip(CMD_ERASE, address - 0x10000000u, 0, 0, 0u);
    return 0u;
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    const uint32_t copy[4] = {words[0], words[1], words[2], words[3]}; /* flash is off meanwhile */
    chip(CMD_PROGRAM, address - 0x10000000u, (const uint8_t *)copy, 0, SL_UNIT_BYTES);
    return 0u;
}

void sl_port_watchdog(void) {
    static uint32_t started;
    WATCHDOG_LOAD = 2u * 4000000u; /* 4 s: the counter goes down twice a tick (erratum E1) */
    if (started == 0u) {
        started = 1u;
        WATCHDOG_TICK = (1u << 9) | 12u;
        WATCHDOG_CTRL = 1u << 30;
    }
}

void sl_port_unique_id(uint32_t id[2]) {
    chip(CMD_ID, 0u, 0, (uint8_t *)id, 8u);
}
