/* The emulator's callbacks in C: the UART and the instruction counter.
 *
 * Compiled for the host by zig cc at first use and kept in the cache. tap.py has the same logic in
 * Python, for machines where that fails; a test holds the two equal. No Unicorn header is needed:
 * the callbacks' types are spelt out here. */
#include <stdint.h>

typedef struct {
    uint64_t total;       /* instructions executed */
    uint64_t region;      /* of these, inside the watched functions, callees included */
    uint64_t limit;       /* stop when total exceeds it */
    uint64_t start;       /* total when it was entered */
    const uint8_t *flash; /* host address of the flash */
    uint32_t *cache;      /* per halfword of flash: block size << 16 | instructions */
    uint8_t *rx;
    uint8_t *tx;
    int32_t (*reg_read)(void *, int32_t, void *);
    int32_t (*emu_stop)(void *);
    uint32_t flash_base;
    uint32_t flash_size;
    uint32_t entry[3];       /* addresses of the watched functions */
    uint32_t active;         /* whether one of them is being executed */
    uint32_t return_address; /* of that one */
    uint32_t rx_head;
    uint32_t rx_tail;
    uint32_t tx_count;
    uint32_t tx_capacity;
    uint32_t overran;    /* the limit was hit */
    uint32_t lost;       /* bytes that did not fit tx */
    uint32_t unknown;    /* blocks outside the flash */
    int32_t lr_register; /* Unicorn's number of LR */
} sl_tap_t;

#define EXPORT __attribute__((visibility("default")))

/* Instructions in a block: a halfword that starts with 0b11101, 0b11110 or 0b11111 is the first
 * of a 32-bit instruction. */
static uint32_t scan(const uint8_t *code, uint32_t size) {
    uint32_t count = 0;
    uint32_t at = 0;
    while (at < size) {
        const uint32_t top = code[at + 1u] >> 3;
        at += top >= 0x1Du ? 4u : 2u;
        count++;
    }
    return count;
}

EXPORT void sl_tap_block(void *uc, uint64_t address, uint32_t size, void *user) {
    sl_tap_t *tap = user;
    const uint32_t pc = (uint32_t)address;
    if (tap->active != 0u) {
        if (pc == tap->return_address) {
            tap->region += tap->total - tap->start;
            tap->active = 0u;
        }
    } else if (pc == tap->entry[0] || pc == tap->entry[1] || pc == tap->entry[2]) {
        uint32_t lr = 0;
        (void)tap->reg_read(uc, tap->lr_register, &lr);
        tap->active = 1u;
        tap->return_address = lr & ~1u;
        tap->start = tap->total;
    }
    const uint32_t offset = pc - tap->flash_base;
    if (offset >= tap->flash_size || size > tap->flash_size - offset) {
        tap->unknown++;
        return;
    }
    uint32_t known = tap->cache[offset >> 1];
    if ((known >> 16) != size) {
        known = (size << 16) | scan(tap->flash + offset, size);
        tap->cache[offset >> 1] = known;
    }
    tap->total += known & 0xFFFFu;
    if (tap->total > tap->limit) {
        tap->overran = 1u;
        (void)tap->emu_stop(uc);
    }
}

EXPORT uint64_t sl_tap_read(void *uc, uint64_t offset, uint32_t size, void *user) {
    sl_tap_t *tap = user;
    (void)uc;
    (void)size;
    if (offset == 0x0u) {
        return tap->rx_head < tap->rx_tail ? tap->rx[tap->rx_head++] : 0u;
    }
    if (offset == 0x4u) {
        return tap->rx_head < tap->rx_tail ? 2u : 0u;
    }
    return 0u;
}

EXPORT void sl_tap_write(void *uc, uint64_t offset, uint32_t size, uint64_t value, void *user) {
    sl_tap_t *tap = user;
    (void)uc;
    (void)size;
    if (offset == 0x0u) {
        if (tap->tx_count < tap->tx_capacity) {
            tap->tx[tap->tx_count++] = (uint8_t)value;
        } else {
            tap->lost++;
        }
    }
}
