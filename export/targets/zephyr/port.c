/* The port of Zephyr: the slots are the halves of the board's storage partition. */
#include <zephyr/storage/flash_map.h>
#include <zephyr/sys/printk.h>

#include "sl_port.h"

#define PARTITION FIXED_PARTITION_ID(storage_partition)
#define HALF      (FIXED_PARTITION_SIZE(storage_partition) / 2)

BUILD_ASSERT(HALF >= SL_PORT_SLOT_BYTES, "the storage partition is too small for two slots");

static int32_t opened(const struct flash_area **area) {
    return flash_area_open(PARTITION, area) != 0;
}

int32_t sl_port_erase(uint32_t slot) {
    const struct flash_area *area;
    if (opened(&area)) {
        return 1;
    }
    const int wrong = flash_area_flatten(area, slot * HALF, HALF);
    flash_area_close(area);
    return wrong != 0;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    const struct flash_area *area;
    if (opened(&area)) {
        return 1;
    }
    const int wrong = flash_area_write(area, slot * HALF + offset, bytes, size);
    flash_area_close(area);
    return wrong != 0;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    const struct flash_area *area;
    if (opened(&area)) {
        return 1;
    }
    const int wrong = flash_area_read(area, slot * HALF + offset, bytes, size);
    flash_area_close(area);
    return wrong != 0;
}

void sl_port_print(const char *text) {
    printk("%s", text);
}
