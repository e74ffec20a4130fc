/* What the firmware needs of a board. A board's folder has one `port.c` with these functions, and
 * nothing else in the firmware touches a peripheral (docs/port-to-your-board.md).
 *
 * board.h comes from the build: SL_CLOCK_HZ, SL_BAUD, SL_ERASED (what an erased word reads),
 * SL_STORAGE_ORIGIN, SL_PAGE_BYTES, SL_AREA_BYTES. */
#ifndef SL_PORT_H
#define SL_PORT_H

#include <stdint.h>

#include "board.h"

_Static_assert(sizeof(int) >= 4, "an int has 32 bits at least: no AVR, no MSP430");

#define SL_UNIT_BYTES 16u /* what is programmed at once: a multiple of every board's unit */

/* Clock tree, pins, serial port with SL_BAUD, 8N1; a received byte wakes sl_port_sleep(). An
 * oscillator that does not start is waited for in bounds: the port then stays on the internal one
 * and has the baud rate all the same. */
void sl_port_start(void);

/* Returns the next byte received, or -1. */
int32_t sl_port_read(void);

/* Sends one byte; waits while the transmitter is full. */
void sl_port_write(uint8_t byte);

/* Sleeps until a byte or a tick came; may return early. */
void sl_port_sleep(void);

/* Starts or stops ticks, one every 10 ms. Starting twice changes nothing. */
void sl_port_tick(uint32_t on);

/* Returns 1 once after each tick. */
uint32_t sl_port_ticked(void);

/* Erases the page at `address`. Returns 0, or 1 if the controller reports an error. */
uint32_t sl_port_erase(uint32_t address);

/* Programs SL_UNIT_BYTES at `address`, in ascending order, the last word last. Both are aligned to
 * words, `address` to SL_UNIT_BYTES. Returns 0, or 1 if the controller reports an error. The caller
 * reads back. */
uint32_t sl_port_program(uint32_t address, const uint32_t *words);

/* Starts the watchdog at the first call, feeds it at every other: at least one a second. */
void sl_port_watchdog(void);

/* Fills in the chip's own number: 64 bits. */
void sl_port_unique_id(uint32_t id[2]);

#endif
