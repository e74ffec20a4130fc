/* The RP2040's second stage: 252 bytes and a CRC-32 at the start of the flash. The boot ROM copies
 * it to the end of RAM and jumps there. It lets the SSI read the flash in place by the one command
 * that every chip has (03, one bit at a time, half of the slowest clock allowed), and starts what
 * lies behind it. */
#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))
#define SSI_CTRLR0     REG32(0x18000000u)
#define SSI_CTRLR1     REG32(0x18000004u)
#define SSI_SSIENR     REG32(0x18000008u)
#define SSI_SER        REG32(0x18000010u)
#define SSI_BAUDR      REG32(0x18000014u)
#define SSI_SPI_CTRLR0 REG32(0x180000F4u)
#define SCB_VTOR       REG32(0xE000ED08u)
#define VECTORS        0x10000100u

__attribute__((section(".boot2.entry"), used, noreturn)) void boot2(void) {
    SSI_SSIENR = 0u;
    SSI_BAUDR = 4u;
    SSI_CTRLR0 = (31u << 16) | (3u << 8); /* frames of 32 bits; an EEPROM is read */
    SSI_CTRLR1 = 0u;
    SSI_SPI_CTRLR0 = (0x03u << 24) | (2u << 8) | (6u << 2); /* 8 bits of command, 24 of address */
    SSI_SER = 1u;
    SSI_SSIENR = 1u;
    SCB_VTOR = VECTORS;
    __asm volatile("msr msp, %0\n\tbx %1" : : "r"(REG32(VECTORS)), "r"(REG32(VECTORS + 4u)));
    __builtin_unreachable();
}
