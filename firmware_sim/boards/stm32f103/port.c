/* STM32F103 (Blue Pill): USART1 on PA9 and PA10; 72 MHz from a crystal of 8 MHz (RM0008, flash:
 * PM0075). Without the crystal it stays at the internal 8 MHz. */
#define STM32_USART1     0x40013800u
#define STM32_USART1_IRQ 37u
#define STM32_UID        0x1FFFF7E8u
#define STM32_UID_LAST   0x1FFFF7F0u
#include "stm32.h"

#define RCC         0x40021000u
#define RCC_CR      REG32(RCC + 0x00u)
#define RCC_CFGR    REG32(RCC + 0x04u)
#define RCC_APB2ENR REG32(RCC + 0x18u)
#define GPIOA_CRH   REG32(0x40010804u)
#define FLASH_ACR   REG32(0x40022000u)
#define FLASH_KEYR  REG32(0x40022004u)
#define FLASH_SR    REG32(0x4002200Cu)
#define FLASH_CR    REG32(0x40022010u)
#define FLASH_AR    REG32(0x40022014u)
#define CR_HSEON    (1u << 16)
#define CR_HSERDY   (1u << 17)
#define CR_PLLON    (1u << 24)
#define CR_PLLRDY   (1u << 25)
#define CFGR_TREE   ((7u << 18) | (1u << 16) | (4u << 8)) /* crystal by 9; APB1 by 2 */
#define FLASH_BUSY  1u
#define FLASH_WRONG 0x14u /* PGERR, WRPRTERR */
#define FLASH_PG    1u
#define FLASH_PER   2u
#define FLASH_STRT  (1u << 6)
#define FLASH_LOCK  (1u << 7)

void sl_port_start(void) {
    core_hz = 8000000u;
    RCC_CR = RCC_CR | CR_HSEON;
    if (cm_wait(RCC, CR_HSERDY, CR_HSERDY) != 0u) {
        FLASH_ACR = 0x12u; /* two wait states, prefetch */
        RCC_CFGR = CFGR_TREE;
        RCC_CR = RCC_CR | CR_PLLON;
        if (cm_wait(RCC, CR_PLLRDY, CR_PLLRDY) != 0u) {
            RCC_CFGR = CFGR_TREE | 2u;
            core_hz = SL_CLOCK_HZ;
        }
    }
    RCC_APB2ENR = (1u << 2) | (1u << 14);       /* port A, USART1 */
    GPIOA_CRH = (GPIOA_CRH & ~0xFF0u) | 0x4B0u; /* PA9 driven by the USART, PA10 an input */
    stm32_usart(core_hz);
}

static void unlock(uint32_t control) {
    FLASH_KEYR = 0x45670123u;
    FLASH_KEYR = 0xCDEF89ABu;
    FLASH_SR = FLASH_WRONG;
    FLASH_CR = control;
}

static uint32_t end(void) {
    while ((FLASH_SR & FLASH_BUSY) != 0u) {
    }
    FLASH_CR = FLASH_LOCK;
    return (FLASH_SR & FLASH_WRONG) != 0u;
}

uint32_t sl_port_erase(uint32_t address) {
    unlock(FLASH_PER);
    FLASH_AR = address;
    FLASH_CR = FLASH_PER | FLASH_STRT;
    return end();
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    unlock(FLASH_PG);
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 2u; i++) { /* half a word at a time */
        *(volatile uint16_t *)(address + 2u * i) = (uint16_t)(words[i / 2u] >> (16u * (i % 2u)));
        while ((FLASH_SR & FLASH_BUSY) != 0u) {
        }
    }
    return end();
}
