/* ESP32-C3 (revision 3 and later) without ESP-IDF: the boot ROM runs the image from flash ("direct
 * boot"). UART0 on GPIO 20 (receive) and 21; 160 MHz from the PLL that the ROM leaves on (ESP32-C3
 * Technical Reference Manual). The flash is a chip behind SPI1; it is read in place through a
 * cache. While it erases or programs, nothing may be fetched or read from it: what waits runs from
 * RAM. */
#include "riscv.h"

#define UART(offset)     REG32(0x60000000u + (offset))
#define SPI1(offset)     REG32(0x60002000u + (offset))
#define RTC(offset)      REG32(0x60008000u + (offset))
#define EFUSE(offset)    REG32(0x60008800u + (offset))
#define TIMG0(offset)    REG32(0x6001F000u + (offset))
#define SYSTIMER(offset) REG32(0x60023000u + (offset))
#define SYSTEM(offset)   REG32(0x600C0000u + (offset))
#define MATRIX(offset)   REG32(0x600C2000u + (offset))
#define EXTMEM(offset)   REG32(0x600C4000u + (offset))

#define FLASH_DATA   0x3C000000u
#define CODE_IN_RAM  0x00700000u /* RAM is seen from here on higher where code is fetched */
#define CACHE_BLOCK  32u
#define TIMER_HZ     16000000u
#define CRYSTAL_HZ   40000000u
#define WATCHDOG_KEY 0x50D83AA1u
#define SWD_KEY      0x8F1D312Au
#define SPI_START    (1u << 18)
#define HAS_COMMAND  (1u << 31)
#define HAS_ADDRESS  (1u << 30)
#define HAS_IN       (1u << 28)
#define HAS_OUT      (1u << 27)
#define UART_LINE    1u /* of the core's interrupt lines */
#define TIMER_LINE   2u

enum { CMD_PROGRAM = 0x02, CMD_STATUS = 0x05, CMD_WRITE = 0x06, CMD_ERASE = 0x20 };

/* What the boot ROM looks for, and where it jumps: over the rest of the reserved bytes. */
__asm(".section .boot2, \"ax\", @progbits\n"
      ".option push\n"
      ".option norvc\n"
      ".word 0xAEDB041D\n"
      ".word 0xAEDB041D\n"
      "j . + 0xF8\n"
      ".option pop\n"
      ".text\n");

static void watchdogs_of_the_rom_off(void) {
    TIMG0(0x64u) = WATCHDOG_KEY;
    TIMG0(0x48u) = 1u << 22; /* off, and taken over */
    TIMG0(0x64u) = 0u;
    RTC(0xA8u) = WATCHDOG_KEY;
    RTC(0x90u) = 0u;
    RTC(0xA8u) = 0u;
    RTC(0xB0u) = SWD_KEY;
    RTC(0xACu) = RTC(0xACu) | (1u << 31); /* the chip feeds this one itself */
    RTC(0xB0u) = 0u;
}

void sl_port_start(void) {
    watchdogs_of_the_rom_off();
    SYSTEM(0x08u) = (SYSTEM(0x08u) & ~7u) | 5u;                            /* 480 MHz by 3 */
    SYSTEM(0x58u) = (SYSTEM(0x58u) & ~((3u << 10) | 0x3FFu)) | (1u << 10); /* the PLL */
    const uint32_t divider = (16u * CRYSTAL_HZ + SL_BAUD / 2u) / SL_BAUD;  /* in 16ths */
    UART(0x78u) = 0x03700000u; /* clocked by the crystal */
    UART(0x14u) = (divider >> 4) | ((divider & 15u) << 20);
    UART(0x20u) = 0x1000001Cu; /* 8N1 */
    UART(0x24u) = 1u;          /* a received byte interrupts */
    UART(0x0Cu) = 1u;
    MATRIX(0x54u) = UART_LINE;
    MATRIX(0x94u) = TIMER_LINE;
    MATRIX(0x114u + 4u * UART_LINE) = 15u; /* priorities, and the least that counts */
    MATRIX(0x114u + 4u * TIMER_LINE) = 15u;
    MATRIX(0x194u) = 1u;
    MATRIX(0x104u) = (1u << UART_LINE) | (1u << TIMER_LINE);
}

int32_t sl_port_read(void) {
    return (UART(0x1Cu) & 0x3FFu) != 0u ? (int32_t)(UART(0x0u) & 0xFFu) : -1;
}

void sl_port_write(uint8_t byte) {
    while (((UART(0x1Cu) >> 16) & 0x3FFu) >= 127u) {
    }
    UART(0x0u) = byte;
}

/* A byte that arrives between the caller's test and WFI stays pending: WFI falls through. One that
 * arrives before its flag is cleared is in the queue, where the caller looks next. */
void sl_port_sleep(void) {
    rv_sleep();
    UART(0x10u) = 1u;
    SYSTIMER(0x6Cu) = 1u;
}

static uint32_t now(void) {
    SYSTIMER(0x4u) = 1u << 30; /* take the time */
    for (uint32_t i = 0; i < 1000u && (SYSTIMER(0x4u) & (1u << 29)) == 0u; i++) {
    }
    return SYSTIMER(0x44u);
}

static uint32_t next;

void sl_port_tick(uint32_t on) {
    static uint32_t is_on;
    if (on != 0u && is_on == 0u) {
        next = now() + TIMER_HZ / 100u;
        SYSTIMER(0x34u) = TIMER_HZ / 100u;
        SYSTIMER(0x50u) = 1u;
        SYSTIMER(0x34u) = (1u << 30) | (TIMER_HZ / 100u); /* again and again */
        SYSTIMER(0x0u) = SYSTIMER(0x0u) | (1u << 30) | (1u << 24);
    }
    is_on = on;
    SYSTIMER(0x64u) = on;
}

uint32_t sl_port_ticked(void) {
    const uint32_t time = now();
    if ((int32_t)(time - next) < 0) {
        return 0u;
    }
    next = time + TIMER_HZ / 100u;
    return 1u;
}

static inline __attribute__((always_inline)) void transfer(uint32_t code, uint32_t phases) {
    SPI1(0x20u) = (7u << 28) | code;
    SPI1(0x18u) = HAS_COMMAND | phases;
    SPI1(0x0u) = SPI_START;
    while (SPI1(0x0u) != 0u) {
    }
}

/* Write enable, one command, and waiting for the chip; then the cache forgets what it has of the
 * place. Linked where the data bus sees it, called where code is fetched: so it calls nothing. */
__attribute__((section(".data.in_ram"), noinline)) static uint32_t
chip(uint32_t code, uint32_t address, const uint32_t *words, uint32_t bytes) {
    SPI1(0x08u) = 0u;
    SPI1(0x14u) = 0x00030103u; /* a fourth of its clock: 20 MHz */
    SPI1(0x1Cu) = 23u << 26;   /* addresses of 24 bits */
    transfer(CMD_WRITE, 0u);
    SPI1(0x04u) = address - FLASH_DATA;
    uint32_t data = 0u;
    if (words != 0) {
        for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
            SPI1(0x58u + 4u * i) = words[i];
        }
        SPI1(0x24u) = 8u * SL_UNIT_BYTES - 1u;
        data = HAS_OUT;
    }
    transfer(code, HAS_ADDRESS | data);
    SPI1(0x28u) = 7u;
    do {
        transfer(CMD_STATUS, HAS_IN);
    } while ((SPI1(0x58u) & 1u) != 0u);
    EXTMEM(0x2Cu) = address & ~(CACHE_BLOCK - 1u);
    EXTMEM(0x30u) = (bytes + CACHE_BLOCK - 1u) / CACHE_BLOCK;
    EXTMEM(0x28u) = 1u;
    while ((EXTMEM(0x28u) & 2u) == 0u) {
    }
    return 0u;
}

typedef uint32_t chip_t(uint32_t code, uint32_t address, const uint32_t *words, uint32_t bytes);
static chip_t *const volatile chip_linked = chip;

static chip_t *chip_in_ram(void) {
    return (chip_t *)((uint32_t)chip_linked + CODE_IN_RAM);
}

uint32_t sl_port_erase(uint32_t address) {
    return chip_in_ram()(CMD_ERASE, address, 0, SL_PAGE_BYTES);
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    const uint32_t copy[4] = {words[0], words[1], words[2], words[3]}; /* they may lie in flash */
    return chip_in_ram()(CMD_PROGRAM, address, copy, SL_UNIT_BYTES);
}

void sl_port_watchdog(void) {
    static uint32_t started;
    TIMG0(0x64u) = WATCHDOG_KEY;
    if (started == 0u) {
        started = 1u;
        TIMG0(0x4Cu) = 40000u << 16; /* half a millisecond of the 80 MHz bus */
        TIMG0(0x50u) = 8000u;        /* 4 s, then it resets the system */
        TIMG0(0x48u) = 0xE05F8000u;
    }
    TIMG0(0x60u) = 1u;
    TIMG0(0x64u) = 0u;
}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = EFUSE(0x44u); /* the MAC address */
    id[1] = EFUSE(0x48u) & 0xFFFFu;
}
