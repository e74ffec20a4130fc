/* Clock tree and flash of the STM32F4 and F7 (RM0090 3.9, 7.3; RM0385 3.7, 5.3).
 *
 * The port says: PLL_N, PLL_P (2, 4), FLASH_WAITS, APB2_DIVIDER (1, 2) with CFGR_APB, its bits. The
 * PLL runs from the internal 16 MHz oscillator: boards have different crystals. */
#ifndef SL_STM32F4_H
#define SL_STM32F4_H

#include "stm32.h"

#define RCC         0x40023800u
#define RCC_CR      REG32(RCC + 0x00u)
#define RCC_PLLCFGR REG32(RCC + 0x04u)
#define RCC_CFGR    REG32(RCC + 0x08u)
#define RCC_AHB1ENR REG32(RCC + 0x30u)
#define RCC_APB1ENR REG32(RCC + 0x40u)
#define RCC_APB2ENR REG32(RCC + 0x44u)
#define PWR_CR      REG32(0x40007000u)
#define PWR_CSR     0x40007004u
#define FLASH_ACR   REG32(0x40023C00u)
#define FLASH_KEYR  REG32(0x40023C04u)
#define FLASH_SR    REG32(0x40023C0Cu)
#define FLASH_CR    REG32(0x40023C10u)
#define GPIOA_MODER REG32(0x40020000u)
#define GPIOA_AFRH  REG32(0x40020024u)

#define HSI_HZ      16000000u
#define CR_PLLON    (1u << 24)
#define CR_PLLRDY   (1u << 25)
#define FLASH_BUSY  (1u << 16)
#define FLASH_WRONG 0xF2u
#define CR_PG       1u
#define CR_SER      2u
#define CR_PSIZE_32 (2u << 8)
#define CR_STRT     (1u << 16)
#define CR_LOCK     (1u << 31)

void sl_port_start(void) {
    uint32_t bus_hz = HSI_HZ;
    core_hz = HSI_HZ;
    RCC_APB1ENR = 1u << 28;       /* PWR */
    PWR_CR = PWR_CR | (3u << 14); /* the highest core voltage */
    RCC_PLLCFGR = 16u | (PLL_N << 6) | ((PLL_P / 2u - 1u) << 16) | (8u << 24);
    RCC_CR = RCC_CR | CR_PLLON;
    if (cm_wait(RCC, CR_PLLRDY, CR_PLLRDY) != 0u) {
#ifdef PWR_OVERDRIVE
        PWR_CR = PWR_CR | (1u << 16);
        (void)cm_wait(PWR_CSR, 1u << 16, 1u << 16);
        PWR_CR = PWR_CR | (1u << 17);
        (void)cm_wait(PWR_CSR, 1u << 17, 1u << 17);
#endif
        FLASH_ACR = FLASH_WAITS | FLASH_ACR_MORE;
        RCC_CFGR = CFGR_APB;
        RCC_CFGR = CFGR_APB | 2u; /* from the PLL */
        if (cm_wait(RCC + 0x08u, 0xCu, 0x8u) != 0u) {
            core_hz = SL_CLOCK_HZ;
            bus_hz = SL_CLOCK_HZ / APB2_DIVIDER;
        } else {
            RCC_CFGR = 0u;
        }
    }
    RCC_AHB1ENR = RCC_AHB1ENR | 1u;                           /* port A */
    RCC_APB2ENR = 1u << 4;                                    /* USART1 */
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | (10u << 18); /* PA9, PA10 */
    GPIOA_AFRH = (GPIOA_AFRH & ~(0xFFu << 4)) | (0x77u << 4);
    stm32_usart(bus_hz);
}

static uint32_t flash_end(void) {
    while ((FLASH_SR & FLASH_BUSY) != 0u) {
    }
    const uint32_t wrong = FLASH_SR & FLASH_WRONG;
    FLASH_CR = CR_LOCK;
#ifdef FLASH_ACR_DCEN /* the data cache may hold what was there before */
    const uint32_t acr = FLASH_ACR;
    FLASH_ACR = acr & ~FLASH_ACR_DCEN;
    FLASH_ACR = (acr & ~FLASH_ACR_DCEN) | (1u << 12);
    FLASH_ACR = acr;
#endif
    return wrong != 0u;
}

static void flash_begin(uint32_t control) {
    FLASH_KEYR = 0x45670123u;
    FLASH_KEYR = 0xCDEF89ABu;
    FLASH_SR = FLASH_WRONG;
    FLASH_CR = CR_PSIZE_32 | control;
}

uint32_t sl_port_erase(uint32_t address) {
    const uint32_t sector = FIRST_LARGE_SECTOR + (address - FIRST_LARGE_ADDRESS) / SL_PAGE_BYTES;
    flash_begin(CR_SER | (sector << 3));
    FLASH_CR = CR_PSIZE_32 | CR_SER | (sector << 3) | CR_STRT;
    return flash_end();
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    flash_begin(CR_PG);
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
        while ((FLASH_SR & FLASH_BUSY) != 0u) {
        }
    }
    return flash_end();
}

#endif
