/* A board's whole firmware on the host, and a host that means it ill: states that were made up come
 * over its link and are taken over or refused; then it learns and predicts, from values as wild. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define main firmware_main
#include "main.c"
#undef main

int32_t sl_learner_check(const sl_state_t *state);

static uint32_t draw_state = 1u;
static long wanted, states, taken, refused, requests, learned, beyond;
static uint8_t in[FRAME_BYTES + 16u], out[sizeof(sl_state_t) + 64u];
static uint32_t in_size, in_at, out_size;
static sl_state_t base, made, before;

static uint32_t drawn(void) { /* xorshift */
    draw_state ^= draw_state << 13;
    draw_state ^= draw_state >> 17;
    return draw_state ^= draw_state << 5;
}

static void stop(const char *why) {
    printf("%s: state %ld, request %u\n", why, states, in[3]);
    exit(1);
}

/* A state: the one it had with some bytes changed, or any bytes at all, or extremes. */
static void make_state(void) {
    uint8_t *bytes = (uint8_t *)&made;
    const uint32_t how = drawn() % 4u;
    made = drawn() % 2u != 0u ? base : sl_state;
    const uint32_t n = how == 3u ? sizeof made : 1u + drawn() % 12u;
    for (uint32_t i = 0; i < n; i++) {
        static const uint8_t ends[] = {0u, 1u, 127u, 128u, 255u};
        const uint32_t at = how == 3u ? i : drawn() % (uint32_t)sizeof made;
        bytes[at] = how == 0u   ? (uint8_t)drawn()
                    : how == 1u ? (uint8_t)(bytes[at] ^ 1u << drawn() % 8u)
                                : ends[drawn() % sizeof ends];
    }
}

static uint32_t make_value(void) {
    static const uint32_t wild[] = {0u,          0x80000000u, 1u,          0x00800000u,
                                    0x7F7FFFFFu, 0xFF7FFFFFu, 0x7F800000u, 0x7FC00000u,
                                    0x3F800000u, 0xBF800000u};
    return drawn() % 3u == 0u   ? wild[drawn() % 10u]
           : drawn() % 2u == 0u ? drawn()
                                : 0x3F000000u + (drawn() & 0x80FFFFFFu);
}

static void ask(uint32_t type, const void *payload, uint32_t size) {
    static uint8_t sequence;
    in[0] = 0xA5u;
    in[1] = 0x5Au;
    in[2] = SL_FRAME_VERSION;
    in[3] = (uint8_t)type;
    in[4] = ++sequence;
    in[5] = 0u;
    in[6] = (uint8_t)size;
    in[7] = (uint8_t)(size >> 8);
    memcpy(in + SL_FRAME_HEADER_BYTES, payload, size);
    const uint32_t crc = ~sl_crc32(0xFFFFFFFFu, in + 2, SL_FRAME_HEADER_BYTES - 2u + size);
    memcpy(in + SL_FRAME_HEADER_BYTES + size, &crc, 4u);
    in_size = SL_FRAME_HEADER_BYTES + size + 4u;
    in_at = out_size = 0u;
    requests++;
}

/* What the host does next; `step` counts within one state. */
static void go_on(void) {
    static uint32_t step, part;
    static uint8_t payload[FRAME_BYTES];
    const uint8_t status = out_size > 5u ? out[5] : 0u;
    if (requests > 0 && out_size < SL_FRAME_HEADER_BYTES + 4u) {
        stop("no answer");
    }
    if (step == 2u) { /* to ADOPT */
        if (status == SL_STATUS_OK) {
            taken++;
            if (memcmp(&sl_state, &made, sizeof made) != 0) {
                stop("another state than was sent");
            }
        } else {
            refused++;
            if (status != SL_STATUS_STATE_REFUSED ||
                memcmp(&sl_state, &before, sizeof before) != 0) {
                stop("refused, and changed or with another status");
            }
        }
        step = 3u;
    } else if (step == 0u && states != 0) {
        beyond += sl_learner_check(&sl_state) == 0;
    }
    if (step == 0u) {
        if (states == wanted) {
            printf("{\"states\": %ld, \"taken\": %ld, \"refused\": %ld, \"requests\": %ld, "
                   "\"learned\": %ld, \"beyond\": %ld}\n",
                   states, taken, refused, requests, learned, beyond);
            exit(0);
        }
        states++;
        part = 0u;
        before = sl_state;
        make_state();
        step = 1u;
    }
    if (step == 1u) {
        if (status == SL_STATUS_OUT_OF_ORDER) {
            part = 0u;
        }
        const uint32_t left = (uint32_t)sizeof made - part;
        /* Once in a while all that a frame holds: the next part then does not follow. */
        const uint32_t all = MAX_PAYLOAD_BYTES - 4u, odd = part == 0u && drawn() % 16u == 0u;
        const uint32_t room = odd ? all : all & ~15u;
        const uint32_t size = left < room ? left : room;
        if (left != 0u) {
            memcpy(payload, &part, 4u);
            memcpy(payload + 4, (const uint8_t *)&made + part, size);
            ask(SL_TYPE_WRITE_STATE, payload, size + 4u);
            part += size;
            return;
        }
        const uint32_t crc = ~sl_crc32(0xFFFFFFFFu, (const uint8_t *)&made, sizeof made);
        ask(SL_TYPE_ADOPT, &crc, 4u);
        step = 2u;
        return;
    }
    static const uint8_t types[] = {SL_TYPE_LEARN,        SL_TYPE_PREDICT, SL_TYPE_LEARN,
                                    SL_TYPE_PREDICT_MEAN, SL_TYPE_RECALL,  SL_TYPE_HEALTH,
                                    SL_TYPE_ASK,          SL_TYPE_LEARN};
    const uint8_t type = types[step - 3u];
    uint32_t size = 0u;
    if (type != SL_TYPE_HEALTH) {
        for (; size < FEATURE_BYTES; size += 4u) {
            const uint32_t value = make_value();
            memcpy(payload + size, &value, 4u);
        }
        const uint32_t word = drawn() % 16u != 0u ? drawn() % (SL_N_CLASSES + 1u) : drawn();
        memcpy(payload + size, &word, 4u);
        size += type == SL_TYPE_LEARN ? (uint32_t)SL_TARGET_BYTES : type == SL_TYPE_ASK ? 4u : 0u;
        learned += type == SL_TYPE_LEARN;
    }
    ask(type, payload, size);
    step = step - 2u == sizeof types ? 0u : step + 1u;
}

void sl_port_start(void) {}
int32_t sl_port_read(void) {
    static int is_booted;
    if (in_at == in_size) {
        if (!is_booted) {
            base = sl_state;
            is_booted = 1;
        }
        go_on();
    }
    return in[in_at++];
}
void sl_port_write(uint8_t byte) {
    out[out_size < sizeof out ? out_size++ : 0u] = byte;
}
void sl_port_sleep(void) {}
void sl_port_tick(uint32_t on) {
    (void)on;
}
uint32_t sl_port_ticked(void) {
    return 1u;
}
void sl_port_watchdog(void) {}
void sl_port_unique_id(uint32_t id[2]) {
    id[0] = id[1] = 0u;
}
uint32_t sl_port_erase(uint32_t address) {
    memset((void *)(uintptr_t)address, (int)(SL_ERASED & 255u), SL_PAGE_BYTES);
    return 0u;
}
uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    memcpy((void *)(uintptr_t)address, words, SL_UNIT_BYTES);
    return 0u;
}

/* Arguments: how many states, seed. */
int main(int argc, char **argv) {
    wanted = argc > 1 ? atol(argv[1]) : 1000;
    draw_state = (argc > 2 ? (uint32_t)atol(argv[2]) : 1u) * 2654435761u | 1u;
    const uint32_t page = 0xFFFu;
    const size_t start = SL_STORAGE_ORIGIN & ~page;
    const size_t size = ((SL_STORAGE_ORIGIN & page) + 2u * SL_AREA_BYTES + page) & ~(size_t)page;
    if (mmap((void *)start, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)start) {
        perror("flash");
        return 2;
    }
    memset((void *)(uintptr_t)SL_STORAGE_ORIGIN, (int)(SL_ERASED & 255u), 2u * SL_AREA_BYTES);
    return firmware_main();
}
