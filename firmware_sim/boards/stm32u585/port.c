/* STM32U585, TrustZone off: USART1 on PA9 and PA10; 160 MHz from the internal 16 MHz (RM0456).
 * Flash is programmed 16 bytes at a time, each once. */
#define STM32_USART_SECOND
#define STM32_USART1     0x40013800u
#define STM32_USART1_IRQ 61u
#define STM32_UID        0x0BFA0700u
#define STM32_UID_LAST   0x0BFA0708u
#include "stm32.h"

#define RCC           0x46020C00u
#define RCC_CR        REG32(RCC + 0x00u)
#define RCC_CFGR1     REG32(RCC + 0x1Cu)
#define RCC_PLL1CFGR  REG32(RCC + 0x28u)
#define RCC_PLL1DIVR  REG32(RCC + 0x34u)
#define RCC_AHB2ENR1  REG32(RCC + 0x8Cu)
#define RCC_AHB3ENR   REG32(RCC + 0x94u)
#define RCC_APB2ENR   REG32(RCC + 0xA4u)
#define PWR_VOSR      0x4602080Cu
#define GPIOA_MODER   REG32(0x42020000u)
#define GPIOA_AFRH    REG32(0x42020024u)
#define FLASH_ACR     REG32(0x40022000u)
#define FLASH_NSKEYR  REG32(0x40022008u)
#define FLASH_NSSR    REG32(0x40022020u)
#define FLASH_NSCR    REG32(0x40022028u)
#define CR_HSION      (1u << 8)
#define CR_HSIRDY     (1u << 10)
#define CR_PLL1ON     (1u << 24)
#define CR_PLL1RDY    (1u << 25)
#define VOSR_READY    ((1u << 15) | (1u << 14)) /* VOSRDY, BOOSTRDY */
#define NSCR_PG       1u
#define NSCR_PER      2u
#define NSCR_BKER     (1u << 11)
#define NSCR_STRT     (1u << 16)
#define NSCR_LOCK     (1u << 31)
#define FLASH_BUSY    ((1u << 16) | (1u << 17)) /* BSY, WDW */
#define FLASH_WRONG   0xFAu
#define PAGES_OF_BANK 128u

void sl_port_start(void) {
    core_hz = 4000000u; /* the MSI, after a reset */
    RCC_AHB3ENR = RCC_AHB3ENR | (1u << 2);
    REG32(PWR_VOSR) = 3u << 16; /* range 1 */
    RCC_CR = RCC_CR | CR_HSION;
    if (cm_wait(RCC, CR_HSIRDY, CR_HSIRDY) != 0u) {
        RCC_PLL1CFGR = 2u | (3u << 2) | (1u << 18); /* HSI16 by 1, above 8 MHz; output R */
        RCC_PLL1DIVR = 19u | (1u << 9) | (1u << 16) | (1u << 24); /* by 20, divided by 2 */
        REG32(PWR_VOSR) = (3u << 16) | (1u << 18);                /* and the booster */
        (void)cm_wait(PWR_VOSR, VOSR_READY, VOSR_READY);
        RCC_CR = RCC_CR | CR_PLL1ON;
        if (cm_wait(RCC, CR_PLL1RDY, CR_PLL1RDY) != 0u) {
            FLASH_ACR = 0x104u; /* four wait states, prefetch */
            RCC_CFGR1 = 3u;
            core_hz = SL_CLOCK_HZ;
        }
    }
    RCC_AHB2ENR1 = RCC_AHB2ENR1 | 1u;
    RCC_APB2ENR = 1u << 14; /* USART1 */
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | (10u << 18);
    GPIOA_AFRH = (GPIOA_AFRH & ~(0xFFu << 4)) | (0x77u << 4);
    stm32_usart(core_hz);
}

static void unlock(uint32_t control) {
    FLASH_NSKEYR = 0x45670123u;
    FLASH_NSKEYR = 0xCDEF89ABu;
    FLASH_NSSR = FLASH_WRONG;
    FLASH_NSCR = control;
}

static uint32_t end(void) {
    while ((FLASH_NSSR & FLASH_BUSY) != 0u) {
    }
    FLASH_NSCR = NSCR_LOCK;
    return (FLASH_NSSR & FLASH_WRONG) != 0u;
}

uint32_t sl_port_erase(uint32_t address) {
    const uint32_t page = (address - 0x08000000u) / SL_PAGE_BYTES;
    const uint32_t control =
        NSCR_PER | ((page % PAGES_OF_BANK) << 3) | (page >= PAGES_OF_BANK ? NSCR_BKER : 0u);
    unlock(control);
    FLASH_NSCR = control | NSCR_STRT;
    return end();
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    unlock(NSCR_PG);
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
    }
    return end();
}
