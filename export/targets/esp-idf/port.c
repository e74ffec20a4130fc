/* The port of ESP-IDF: the slots are the halves of the partition "sl_state" (partitions.csv). */
#include <stdio.h>

#include "esp_partition.h"

#include "sl_port.h"

static const esp_partition_t *partition(void) {
    return esp_partition_find_first(ESP_PARTITION_TYPE_DATA, (esp_partition_subtype_t)0x40,
                                    "sl_state");
}

int32_t sl_port_erase(uint32_t slot) {
    const esp_partition_t *found = partition();
    if (found == NULL || found->size / 2 < SL_PORT_SLOT_BYTES) {
        return 1;
    }
    const uint32_t half = found->size / 2;
    return esp_partition_erase_range(found, slot * half, half) != ESP_OK;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    const esp_partition_t *found = partition();
    return found == NULL ||
           esp_partition_write(found, slot * (found->size / 2) + offset, bytes, size) != ESP_OK;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    const esp_partition_t *found = partition();
    return found == NULL ||
           esp_partition_read(found, slot * (found->size / 2) + offset, bytes, size) != ESP_OK;
}

void sl_port_print(const char *text) {
    fputs(text, stdout);
    fflush(stdout);
}
