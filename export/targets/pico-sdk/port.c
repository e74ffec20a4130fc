/* The port of the Pico SDK: the slots are the last sectors of the flash. Nothing else may run from
 * flash while it is written: stop the second core before you save. */
#include <stdio.h>
#include <string.h>

#include "hardware/flash.h"
#include "hardware/sync.h"
#include "pico/stdlib.h"

#include "sl_port.h"

#define SLOT_BYTES                                                                                 \
    ((SL_PORT_SLOT_BYTES + FLASH_SECTOR_SIZE - 1u) / FLASH_SECTOR_SIZE * FLASH_SECTOR_SIZE)
#define PLACE(slot) (PICO_FLASH_SIZE_BYTES - (2u - (slot)) * SLOT_BYTES)

int32_t sl_port_erase(uint32_t slot) {
    const uint32_t interrupts = save_and_disable_interrupts();
    flash_range_erase(PLACE(slot), SLOT_BYTES);
    restore_interrupts(interrupts);
    return 0;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    const uint32_t interrupts = save_and_disable_interrupts();
    flash_range_program(PLACE(slot) + offset, (const uint8_t *)bytes, size);
    restore_interrupts(interrupts);
    return 0;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    memcpy(bytes, (const void *)(XIP_BASE + PLACE(slot) + offset), size);
    return 0;
}

void sl_port_print(const char *text) {
    printf("%s", text);
}
