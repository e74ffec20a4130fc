/* The port of a computer: a slot is a file, and what is printed goes to standard output. */
#include "sl_port.h"

#include <stdio.h>

static const char *const names[2] = {"sl_slot0.bin", "sl_slot1.bin"};

int32_t sl_port_erase(uint32_t slot) {
    FILE *file = fopen(names[slot], "wb");
    return file == NULL || fclose(file) != 0;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    FILE *file = fopen(names[slot], "r+b");
    if (file == NULL) {
        return 1;
    }
    const int wrong =
        fseek(file, (long)offset, SEEK_SET) != 0 || fwrite(bytes, 1, size, file) != size;
    return fclose(file) != 0 || wrong;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    FILE *file = fopen(names[slot], "rb");
    if (file == NULL) {
        return 1;
    }
    const int wrong =
        fseek(file, (long)offset, SEEK_SET) != 0 || fread(bytes, 1, size, file) != size;
    fclose(file);
    return wrong;
}

void sl_port_print(const char *text) {
    fputs(text, stdout);
}
