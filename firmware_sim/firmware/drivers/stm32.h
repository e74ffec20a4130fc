/* What the STM32 families share: USART1 in its two generations, the independent watchdog.
 * USART: RM0008 27.6, RM0090 30.6 (first generation); RM0367 29.8, RM0385 31.8 (second). IWDG: the
 * same registers in all of them. */
#ifndef SL_STM32_H
#define SL_STM32_H

#include "cortex_m.h"

#ifdef STM32_USART_SECOND
#define USART_CR1   REG32(STM32_USART1 + 0x00u)
#define USART_CR3   REG32(STM32_USART1 + 0x08u)
#define USART_BRR   REG32(STM32_USART1 + 0x0Cu)
#define USART_STATE REG32(STM32_USART1 + 0x1Cu) /* ISR */
#define USART_RDR   REG32(STM32_USART1 + 0x24u)
#define USART_TDR   REG32(STM32_USART1 + 0x28u)
#define CR1_ENABLE  1u
#define CR3_KEEP_ON (1u << 12) /* OVRDIS: a byte too many is lost, and no more */
#else
#define USART_STATE REG32(STM32_USART1 + 0x00u) /* SR */
#define USART_RDR   REG32(STM32_USART1 + 0x04u)
#define USART_TDR   REG32(STM32_USART1 + 0x04u)
#define USART_BRR   REG32(STM32_USART1 + 0x08u)
#define USART_CR1   REG32(STM32_USART1 + 0x0Cu)
#define CR1_ENABLE  (1u << 13)
#endif
#define CR1_TE     (1u << 3)
#define CR1_RE     (1u << 2)
#define CR1_RXNEIE (1u << 5)
#define STATE_RXNE (1u << 5)
#define STATE_TXE  (1u << 7)

#define IWDG_KR  REG32(0x40003000u)
#define IWDG_PR  REG32(0x40003004u)
#define IWDG_RLR REG32(0x40003008u)

static uint32_t core_hz; /* what the clock tree gave */

static inline void stm32_usart(uint32_t bus_hz) {
#ifdef STM32_USART_SECOND
    USART_CR3 = CR3_KEEP_ON;
#endif
    USART_BRR = (bus_hz + SL_BAUD / 2u) / SL_BAUD;
    USART_CR1 = CR1_ENABLE | CR1_TE | CR1_RE | CR1_RXNEIE;
    cm_mask(STM32_USART1_IRQ);
}

int32_t sl_port_read(void) {
    return (USART_STATE & STATE_RXNE) != 0u ? (int32_t)(USART_RDR & 0xFFu) : -1;
}

void sl_port_write(uint8_t byte) {
    while ((USART_STATE & STATE_TXE) == 0u) {
    }
    USART_TDR = byte;
}

void sl_port_sleep(void) {
    cm_sleep(STM32_USART1_IRQ);
}

void sl_port_tick(uint32_t on) {
    cm_tick(on, core_hz);
}

uint32_t sl_port_ticked(void) {
    return cm_ticked();
}

void sl_port_watchdog(void) {
    static uint32_t started;
    if (started == 0u) {
        started = 1u;
        IWDG_KR = 0xCCCCu;
        IWDG_KR = 0x5555u; /* may be written now */
        IWDG_PR = 4u;      /* 32 kHz / 64 */
        IWDG_RLR = 2000u;  /* 4 s */
    }
    IWDG_KR = 0xAAAAu;
}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = REG32(STM32_UID) ^ REG32(STM32_UID_LAST);
    id[1] = REG32(STM32_UID + 4u);
}

#endif
