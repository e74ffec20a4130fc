/* The serial port: ARM's CMSDK APB UART. Porting to a vendor's UART is this header's four
 * functions and nothing else. */
#ifndef SL_UART_H
#define SL_UART_H

#include <stdint.h>

/* Enables transmitter, receiver and the receiver's wake-up line. Call once, before the others. */
void sl_uart_init(void);

/* Returns the next byte received; sleeps (WFI) while there is none. */
uint8_t sl_uart_read(void);

/* Sends one byte; waits while the transmitter is full. */
void sl_uart_write(uint8_t byte);

/* Sends `size` bytes from `bytes`. */
void sl_uart_write_block(const uint8_t *bytes, uint32_t size);

#endif
