/* Saves under power cuts: a cut comes at the n-th call of the port, with each way to tear it.
 * Prints "cuts N" after as many, or what was lost. */
#include <stdio.h>
#include <string.h>

#include "sl_model.h"
#include "sl_port.h"

static unsigned char slots[2][SL_PORT_SLOT_BYTES];
static long until_cut; /* calls of erase and program before it; below 0: none comes */
static int tear;       /* 0: nothing is done, 1: half of it, 2: garbage */
static int is_off;

static int cut(unsigned char *at, size_t size, const void *bytes) {
    if (is_off || until_cut == 0) {
        if (!is_off && tear == 1 && bytes) {
            memcpy(at, bytes, size / 2);
        } else if (!is_off && tear != 0) {
            for (size_t i = 0; i < (tear == 1 ? size / 2 : size); i++) {
                at[i] = tear == 1 ? 0xFF : (unsigned char)(i * 167 + 13);
            }
        }
        is_off = 1;
        return 1;
    }
    until_cut -= until_cut > 0;
    return 0;
}

int32_t sl_port_erase(uint32_t slot) {
    if (cut(slots[slot], SL_PORT_SLOT_BYTES, NULL)) {
        return 1;
    }
    memset(slots[slot], 0xFF, SL_PORT_SLOT_BYTES);
    return 0;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    if (cut(slots[slot] + offset, size, bytes)) {
        return 1;
    }
    memcpy(slots[slot] + offset, bytes, size);
    return 0;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    memcpy(bytes, slots[slot] + offset, size);
    return 0;
}

void sl_port_print(const char *text) {
    (void)text;
}

static unsigned char saved[SL_MODEL_STATE_BYTES], before[SL_MODEL_STATE_BYTES];

static void learn(uint32_t n) {
    static float x[SL_MODEL_FEATURES];
    for (uint32_t i = 0; i < SL_MODEL_FEATURES; i++) {
        x[i] = (float)((i * 7 + n * 13) % 11);
    }
    sl_model_learn(x, n % SL_MODEL_CLASSES);
}

int main(void) {
    const long calls = 1 + SL_PORT_SLOT_BYTES / SL_PORT_BLOCK;
    long cuts = 0;
    for (tear = 0; tear < 3; tear++) {
        memset(slots, 0xFF, sizeof slots);
        until_cut = -1;
        if (sl_model_begin() != SL_MODEL_EXPORTED) {
            puts("a blank memory was taken for a state");
            return 1;
        }
        for (long n = 0; n < calls; n++) {
            learn((uint32_t)n);
            until_cut = -1;
            if (sl_model_save() != 0) {
                puts("a save failed without a cut");
                return 1;
            }
            memcpy(before, sl_model_state(), sizeof before);
            learn((uint32_t)n + 1);
            memcpy(saved, sl_model_state(), sizeof saved);
            until_cut = n;
            if (sl_model_save() == 0) {
                puts("a save that was cut says it is whole");
                return 1;
            }
            cuts++;
            is_off = 0;
            until_cut = -1;
            if (sl_model_begin() != SL_MODEL_SAVED ||
                memcmp(sl_model_state(), before, sizeof before) != 0) {
                printf("lost: tear %d at call %ld\n", tear, n);
                return 1;
            }
        }
    }
    printf("cuts %ld\n", cuts);
    return 0;
}
