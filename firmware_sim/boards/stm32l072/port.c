/* STM32L072: USART1 on PA9 and PA10; 32 MHz from the internal 16 MHz (RM0367). Erased flash reads
 * 0 here. */
#define STM32_USART_SECOND
#define STM32_USART1     0x40013800u
#define STM32_USART1_IRQ 27u
#define STM32_UID        0x1FF80050u
#define STM32_UID_LAST   0x1FF80064u
#include "stm32.h"

#define RCC           0x40021000u
#define RCC_CR        REG32(RCC + 0x00u)
#define RCC_CFGR      REG32(RCC + 0x0Cu)
#define RCC_IOPENR    REG32(RCC + 0x2Cu)
#define RCC_APB2ENR   REG32(RCC + 0x34u)
#define RCC_APB1ENR   REG32(RCC + 0x38u)
#define PWR_CR        REG32(0x40007000u)
#define PWR_CSR       0x40007004u
#define GPIOA_MODER   REG32(0x50000000u)
#define GPIOA_AFRH    REG32(0x50000024u)
#define FLASH_ACR     REG32(0x40022000u)
#define FLASH_PECR    REG32(0x40022004u)
#define FLASH_PEKEYR  REG32(0x4002200Cu)
#define FLASH_PRGKEYR REG32(0x40022010u)
#define FLASH_SR      REG32(0x40022018u)
#define PECR_PELOCK   1u
#define PECR_PROG     (1u << 3)
#define PECR_ERASE    (1u << 9)
#define FLASH_BUSY    1u
#define FLASH_WRONG   0x30700u                  /* WRPERR, PGAERR, SIZERR, NOTZEROERR, FWWERR */
#define CFGR_TREE     ((1u << 18) | (1u << 22)) /* HSI16 by 4, divided by 2 */

void sl_port_start(void) {
    core_hz = 2097000u; /* the MSI, after a reset */
    RCC_APB1ENR = 1u << 28;
    PWR_CR = (PWR_CR & ~(3u << 11)) | (1u << 11); /* the highest core voltage */
    (void)cm_wait(PWR_CSR, 1u << 4, 0u);
    RCC_CR = RCC_CR | 1u;
    if (cm_wait(RCC, 1u << 2, 1u << 2) != 0u) {
        RCC_CFGR = CFGR_TREE;
        RCC_CR = RCC_CR | (1u << 24);
        if (cm_wait(RCC, 1u << 25, 1u << 25) != 0u) {
            FLASH_ACR = 3u; /* one wait state, prefetch */
            RCC_CFGR = CFGR_TREE | 3u;
            core_hz = SL_CLOCK_HZ;
        }
    }
    RCC_IOPENR = RCC_IOPENR | 1u;
    RCC_APB2ENR = 1u << 14; /* USART1 */
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | (10u << 18);
    GPIOA_AFRH = (GPIOA_AFRH & ~(0xFFu << 4)) | (0x44u << 4);
    stm32_usart(core_hz);
}

static void unlock(uint32_t control) {
    FLASH_PEKEYR = 0x89ABCDEFu;
    FLASH_PEKEYR = 0x02030405u;
    FLASH_PRGKEYR = 0x8C9DAEBFu;
    FLASH_PRGKEYR = 0x13141516u;
    FLASH_SR = FLASH_WRONG;
    FLASH_PECR = control;
}

static uint32_t end(void) {
    while ((FLASH_SR & FLASH_BUSY) != 0u) {
    }
    FLASH_PECR = PECR_PELOCK;
    return (FLASH_SR & FLASH_WRONG) != 0u;
}

uint32_t sl_port_erase(uint32_t address) {
    unlock(PECR_ERASE | PECR_PROG);
    REG32(address) = 0u; /* any word of the page */
    return end();
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    unlock(0u);
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
        while ((FLASH_SR & FLASH_BUSY) != 0u) {
        }
    }
    return end();
}
