/* The emulator's callbacks in C: the UART and the instruction counter.
 *
 * Compiled for the host by zig cc at first use and kept in the cache. python_tap.py has the same
 * logic in Python, for machines where that fails; a test holds the two equal. No Unicorn header is
 * needed: the callbacks' types are spelt out here. */
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
    uint32_t entry[6];       /* addresses of the watched functions */
    uint32_t active;         /* whether one of them is being executed */
    uint32_t return_address; /* of that one */
    uint32_t rx_head;
    uint32_t rx_tail;
    uint32_t tx_count;
    uint32_t tx_capacity;
    uint32_t overran;    /* the limit was hit */
    uint32_t lost;       /* bytes that did not fit tx */
    uint32_t unknown;    /* blocks outside the flash and the code in RAM */
    int32_t lr_register; /* Unicorn's number of LR */
    const uint8_t *ram;  /* host address of the RAM; its size is 0 if no code runs there */
    uint32_t ram_base;
    uint32_t ram_size;
    uint32_t flash_off; /* the flash cannot be read now: running from it is an error */
    uint32_t stray;     /* 1: `stray_address` was written, or run, and may not be */
    uint32_t stray_address;
    uint32_t uart_base;
    uint32_t uart_size;
    uint32_t rx_offset; /* of the serial port's registers */
    uint32_t tx_offset;
    uint32_t status_offset[2];
    uint32_t status_empty[2]; /* what they read while nothing was received */
    uint32_t status_full[2];  /* and else */
    const uint8_t *writable;  /* per byte of the serial port: may be written */
    uint32_t *words;          /* what was written there, by offset */
    uint32_t is_riscv;        /* how long instructions are */
} sl_tap_t;

#define EXPORT __attribute__((visibility("default")))

/* Instructions in a block. Thumb: a halfword that starts with 0b11101, 0b11110 or 0b11111 is the
 * first of a 32-bit instruction; RISC-V: one that ends with 0b11. */
static uint32_t scan(const uint8_t *code, uint32_t size, uint32_t is_riscv) {
    uint32_t count = 0;
    uint32_t at = 0;
    while (at < size) {
        const uint32_t is_long =
            is_riscv != 0u ? (code[at] & 3u) == 3u : (code[at + 1u] >> 3) >= 0x1Du;
        at += is_long != 0u ? 4u : 2u;
        count++;
    }
    return count;
}

static void stray(sl_tap_t *tap, void *uc, uint32_t address) {
    if (tap->stray == 0u) {
        tap->stray = 1u;
        tap->stray_address = address;
    }
    (void)tap->emu_stop(uc);
}

EXPORT void sl_tap_block(void *uc, uint64_t address, uint32_t size, void *user) {
    sl_tap_t *tap = user;
    const uint32_t pc = (uint32_t)address;
    if (tap->active != 0u) {
        if (pc == tap->return_address) {
            tap->region += tap->total - tap->start;
            tap->active = 0u;
        }
    } else if (pc == tap->entry[0] || pc == tap->entry[1] || pc == tap->entry[2] ||
               pc == tap->entry[3] || pc == tap->entry[4] || pc == tap->entry[5]) {
        uint32_t lr = 0;
        (void)tap->reg_read(uc, tap->lr_register, &lr);
        tap->active = 1u;
        tap->return_address = lr & ~1u;
        tap->start = tap->total;
    }
    const uint32_t offset = pc - tap->flash_base;
    const uint32_t in_ram = pc - tap->ram_base;
    uint32_t known;
    if (offset < tap->flash_size && size <= tap->flash_size - offset) {
        if (tap->flash_off != 0u) {
            stray(tap, uc, pc);
            return;
        }
        known = tap->cache[offset >> 1];
        if ((known >> 16) != size) {
            known = (size << 16) | scan(tap->flash + offset, size, tap->is_riscv);
            tap->cache[offset >> 1] = known;
        }
    } else if (in_ram < tap->ram_size && size <= tap->ram_size - in_ram) {
        known = scan(tap->ram + in_ram, size, tap->is_riscv);
    } else {
        tap->unknown++;
        return;
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
    const uint32_t at = (uint32_t)offset;
    if (at == tap->rx_offset) {
        return tap->rx_head < tap->rx_tail ? tap->rx[tap->rx_head++] : 0u;
    }
    for (uint32_t i = 0; i < 2u; i++) {
        if (at == tap->status_offset[i]) {
            return tap->rx_head < tap->rx_tail ? tap->status_full[i] : tap->status_empty[i];
        }
    }
    return tap->words[at];
}

EXPORT void sl_tap_write(void *uc, uint64_t offset, uint32_t size, uint64_t value, void *user) {
    sl_tap_t *tap = user;
    const uint32_t at = (uint32_t)offset;
    (void)size;
    if (at == tap->tx_offset) {
        if (tap->tx_count < tap->tx_capacity) {
            tap->tx[tap->tx_count++] = (uint8_t)value;
        } else {
            tap->lost++;
        }
    } else if (tap->writable[at] != 0u) {
        tap->words[at] = (uint32_t)value;
    } else {
        stray(tap, uc, tap->uart_base + at);
    }
}
