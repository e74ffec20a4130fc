/* The state in two slots of lasting memory, over sl_port.h: the newest whole one is taken, and
 * never the one that is being written. */
#ifndef SL_STORE_H
#define SL_STORE_H

#include <stdint.h>

/* Fills `state` with the newest that was saved whole. Returns 0, or 1 if there is none. */
int32_t sl_store_load(void *state, uint32_t size);

/* Writes it into the slot that does not hold the newest. Returns 0, or 1 if it was not taken. */
int32_t sl_store_save(const void *state, uint32_t size);

#endif
