/* A coverage-guided fuzzer of what takes a state over in C: sl_store.c and sl_model.c.
 *
 *     fuzz_main SEED RUNS STATE...
 *
 * Each run damages a state, saves it as a record of the store, damages the record's bytes too in
 * half of the runs, and boots from it; then it hands the state over as it is. What is taken learns
 * a few samples. A state that came through branches which none before it came through is damaged
 * further later on: gcc's -fsanitize-coverage=trace-pc says where a run came through. Prints runs,
 * records with a good CRC, how many of these were taken, states taken, states kept, places that
 * were reached, and how often a state that was taken would not be taken after its learning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sl_model.h"
#include "sl_port.h"
#include "sl_store.h"

#define QUIET  __attribute__((no_sanitize_coverage))
#define PLACES 65536u
#define KEPT   512u
#define SIZE   SL_MODEL_STATE_BYTES

void __sanitizer_cov_trace_pc(void);

static uint8_t reached[PLACES];
static uint32_t n_reached;
static uint8_t flash[2][SL_PORT_SLOT_BYTES];
static uint8_t *kept[KEPT];
static uint32_t n_kept;
static uint32_t n_beyond;
static uint64_t word;

QUIET void __sanitizer_cov_trace_pc(void) {
    const uintptr_t at = (uintptr_t)__builtin_return_address(0);
    const uint32_t place = (uint32_t)((at >> 2) * 2654435761u) % PLACES;
    n_reached += !reached[place];
    reached[place] = 1u;
}

QUIET int32_t sl_port_erase(uint32_t slot) {
    memset(flash[slot], 0xFF, sizeof flash[slot]);
    return 0;
}

QUIET int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    memcpy(flash[slot] + offset, bytes, size);
    return 0;
}

QUIET int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    memcpy(bytes, flash[slot] + offset, size);
    return 0;
}

QUIET void sl_port_print(const char *text) {
    (void)text;
}

QUIET static uint32_t below(uint32_t n) { /* xorshift64* */
    word ^= word >> 12;
    word ^= word << 25;
    word ^= word >> 27;
    return (uint32_t)((word * 2685821657736338717u) >> 33) % n;
}

QUIET static void damage(uint8_t *bytes, uint32_t size) {
    static const uint32_t ends[] = {0u,          1u,          0x7Fu,       0x80u,       0xFFu,
                                    0x7FFFu,     0x8000u,     0xFFFFu,     0x7FFFFFFFu, 0x80000000u,
                                    0xFFFFFFFFu, 0x7F800000u, 0x7FC00000u, 0xFF800000u};
    for (uint32_t n = 1u + below(6u); n > 0u; n--) {
        const uint32_t wide = 1u << below(3u), at = below(size / wide) * wide;
        uint32_t value = 0u;
        memcpy(&value, bytes + at, wide);
        switch (below(4u)) {
        case 0:
            value ^= 1u << below(8u * wide);
            break;
        case 1:
            value += below(64u) - 32u;
            break;
        case 2:
            value = ends[below(sizeof ends / sizeof *ends)];
            break;
        default:
            value = below(0x7FFFFFFFu) << 1;
            break;
        }
        for (uint32_t k = below(8u) ? 1u : below(size / wide - at / wide) + 1u; k > 0u; k--) {
            memcpy(bytes + at + (k - 1u) * wide, &value, wide); /* one number, or a run of them */
        }
    }
    if (n_kept > 1u && size == SIZE && below(8u) == 0u) {
        const uint32_t from = below(size), count = below(size - from) + 1u;
        memcpy(bytes + from, kept[below(n_kept)] + from, count);
    }
}

QUIET static void keep(const uint8_t *state) {
    const uint32_t place = n_kept < KEPT ? n_kept++ : below(KEPT);
    if (!kept[place]) {
        kept[place] = malloc(SIZE);
    }
    memcpy(kept[place], state, SIZE);
}

QUIET static void fail(const char *what) {
    fprintf(stderr, "fuzz_main: %s\n", what);
    exit(3);
}

/* Learns from the state that was taken; what comes of it is as good a state. */
QUIET static void live(void) {
    static const float numbers[] = {0.0f, 1.0f, -1.0f, 3e38f, -3e38f, 1e-40f, 1e9f, 0.25f};
    float x[SL_MODEL_FEATURES];
    for (uint32_t n = 0; n < 3u; n++) {
        for (uint32_t i = 0; i < SL_MODEL_FEATURES; i++) {
            x[i] = below(8u) ? (float)below(4096u) / 1024.0f - 2.0f : numbers[below(8u)];
        }
#if SL_MODEL_CLASSES
        const sl_model_target target = below(SL_MODEL_CLASSES);
#else
        const sl_model_target target = x[0];
#endif
        const int32_t first = sl_model_predict(x), then = sl_model_learn(x, target);
        if (first != then || first < 0 || (SL_MODEL_CLASSES && first >= (SL_MODEL_CLASSES + 0))) {
            fail("a state that was taken predicts what is no class");
        }
        const float found = sl_model_prediction()[0];
        if (!(found - found == 0.0f)) {
            fail("a state that was taken predicts no number");
        }
    }
    uint64_t after[(SIZE + 7u) / 8u];
    memcpy(after, sl_model_state(), SIZE);
    n_beyond += sl_model_set_state(after, SIZE) != 0;
}

QUIET int main(int argc, char **argv) {
    uint32_t n_whole = 0, n_booted = 0, n_taken = 0;
    uint64_t state[(SIZE + 7u) / 8u];
    if (argc < 4) {
        fail("expected SEED RUNS STATE...");
    }
    word = strtoull(argv[1], 0, 10) * 2654435761u + 88172645463325252u;
    for (int i = 3; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file || fread(state, 1, SIZE, file) != SIZE || fclose(file) != 0) {
            fail("a state cannot be read, or is too short");
        }
        keep((const uint8_t *)state);
    }
    const uint32_t runs = (uint32_t)strtoul(argv[2], 0, 10);
    for (uint32_t n = 0; n < runs; n++) {
        const uint32_t before = n_reached;
        memcpy(state, kept[below(n_kept)], SIZE);
        damage((uint8_t *)state, SIZE);
        sl_port_erase(0u);
        sl_port_erase(1u);
        (void)sl_model_begin(); /* no record yet */
        if (sl_store_save(state, SIZE) != 0) {
            fail("a record was not saved");
        }
        if (n % 2u) {
            damage(flash[below(2u)], SL_PORT_SLOT_BYTES);
        } else {
            n_whole++;
        }
        n_booted += sl_model_begin() == SL_MODEL_SAVED && n % 2u == 0u;
        live();
        if (sl_model_set_state(state, SIZE) == 0) {
            n_taken++;
            live();
        }
        if (n_reached > before) {
            keep((const uint8_t *)state);
        }
    }
    printf("%u %u %u %u %u %u %u\n", runs, n_whole, n_booted, n_taken, n_kept, n_reached, n_beyond);
    return 0;
}
