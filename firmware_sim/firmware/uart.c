/* CMSDK APB UART (ARM DDI 0479), polled.
 *
 * Interrupts stay masked (PRIMASK): the receive interrupt is enabled only because a *pending*
 * interrupt wakes WFI even when it is masked. Nothing is ever served asynchronously, so the
 * program has one flow of control. */
#include "uart.h"

#define UART_BASE      0x40004000u
#define REG32(address) (*(volatile uint32_t *)(address))

#define UART_DATA     REG32(UART_BASE + 0x00u)
#define UART_STATE    REG32(UART_BASE + 0x04u)
#define UART_CTRL     REG32(UART_BASE + 0x08u)
#define UART_INTCLEAR REG32(UART_BASE + 0x0Cu)
#define UART_BAUDDIV  REG32(UART_BASE + 0x10u)

#define STATE_TX_FULL     1u
#define STATE_RX_FULL     2u
#define CTRL_TX_ENABLE    1u
#define CTRL_RX_ENABLE    2u
#define CTRL_RX_INTERRUPT 8u
#define INT_RX            2u

#define NVIC_ISER   REG32(0xE000E100u)
#define NVIC_ICPR   REG32(0xE000E280u)
#define UART_RX_IRQ 1u /* interrupt 0 */

void sl_uart_init(void) {
    __asm volatile("cpsid i" ::: "memory");
    UART_BAUDDIV = 16u; /* the smallest the peripheral accepts */
    UART_CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
    NVIC_ISER = UART_RX_IRQ;
}

uint8_t sl_uart_read(void) {
    /* A byte that arrives between the test and WFI leaves the interrupt pending, and WFI falls
     * through: no byte can be slept over. */
    while ((UART_STATE & STATE_RX_FULL) == 0u) {
        __asm volatile("wfi" ::: "memory");
        UART_INTCLEAR = INT_RX;
        NVIC_ICPR = UART_RX_IRQ;
    }
    return (uint8_t)UART_DATA;
}

void sl_uart_write(uint8_t byte) {
    while ((UART_STATE & STATE_TX_FULL) != 0u) {
    }
    UART_DATA = byte;
}

void sl_uart_write_block(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        sl_uart_write(bytes[i]);
    }
}
