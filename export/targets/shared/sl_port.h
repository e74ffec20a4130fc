/* What the package needs of your board: four functions. port.c (or port.cpp) of the example has
 * them for this framework; change what differs on your board. */
#ifndef SL_PORT_H
#define SL_PORT_H

#include <stdint.h>

#include "sl_model_sizes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is written and read at once, and what a slot holds at least: round it up to pages. */
enum { SL_PORT_BLOCK = 256, SL_PORT_SLOT_BYTES = SL_MODEL_SLOT_BYTES };

/* Erases slot 0 or 1. Returns 0, or 1 if that failed. */
int32_t sl_port_erase(uint32_t slot);

/* Writes `size` bytes (SL_PORT_BLOCK) at `offset` of a slot: blocks come in order, after an
 * erasure. Returns 0, or 1 if that failed. */
int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size);

/* Reads as many. Returns 0, or 1 if nothing is there. */
int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size);

/* Prints text, without a new line of its own. */
void sl_port_print(const char *text);

#ifdef __cplusplus
}
#endif

#endif
