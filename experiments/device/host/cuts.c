/* storage.c on the host, over a flash that loses its power: the board's own pages, units and erased
 * value. Says how many worlds there were, and the first in which a promise broke. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "storage.c"

enum { COMMITS = 5, TEARS = 3, LINEAR = 0, DRAWN = 1, PAIRS = 2 };

static jmp_buf off;
static uint32_t draw_state;
static long done, cut_at; /* operations since the power came; at which it goes, 0: never */
static uint32_t tear;     /* nothing of it, a part, garbage */

static uint32_t drawn(void) { /* xorshift */
    draw_state ^= draw_state << 13;
    draw_state ^= draw_state >> 17;
    return draw_state ^= draw_state << 5;
}

static uint32_t *flash_at(uint32_t address) {
    return (uint32_t *)(uintptr_t)address;
}

/* A flash operation: words of an aligned place become others, unless the power goes. */
static void operate(uint32_t address, const uint32_t *words, uint32_t n) {
    uint32_t *to = flash_at(address);
    const int goes = ++done == cut_at;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t now = words ? words[i] : SL_ERASED;
        const uint32_t mask = drawn();
        if (!goes) {
            to[i] = now;
        } else if (tear == 1u) {
            to[i] = (now & mask) | (to[i] & ~mask);
        } else if (tear == 2u) {
            to[i] = mask;
        }
    }
    if (goes) {
        longjmp(off, 1);
    }
}

uint32_t sl_port_erase(uint32_t address) {
    for (uint32_t at = 0; at < SL_PAGE_BYTES; at += ERASED_AT_ONCE) {
        operate(address + at, 0, ERASED_AT_ONCE / 4u);
    }
    return 0u;
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    for (uint32_t at = 0; at < SL_UNIT_BYTES; at += PROGRAMMED_AT_ONCE) {
        if (PROGRAMMED_AT_ONCE >= 4) {
            operate(address + at, words + at / 4u, PROGRAMMED_AT_ONCE / 4u);
        } else { /* half a word: the other half stays */
            const uint32_t low = 0xFFFFu << 8u * (at & 2u);
            const uint32_t word = (words[at / 4u] & low) | (*flash_at(address + (at & ~3u)) & ~low);
            operate(address + (at & ~3u), &word, 1u);
        }
    }
    return 0u;
}

/* The link is linked, for its CRC, and not used. */
int32_t sl_port_read(void) {
    return -1;
}
void sl_port_write(uint8_t byte) {
    (void)byte;
}
void sl_port_sleep(void) {}
void sl_port_tick(uint32_t on) {
    (void)on;
}
uint32_t sl_port_ticked(void) {
    return 1u;
}

static void fill(sl_state_t *state, uint32_t number) {
    uint8_t *bytes = (uint8_t *)state;
    for (uint32_t i = 0; i < sizeof *state; i++) {
        bytes[i] = (uint8_t)(number * 37u + i * (number + 1u));
    }
}

#ifdef SL_HAS_START
void sl_learner_start(sl_state_t *state) {
    fill(state, 0u);
}
#endif

int32_t sl_learner_check(const sl_state_t *state) {
    return state != 0;
}

/* Half of the commits come over the link. */
static uint32_t commit(sl_state_t *state, uint32_t number) {
    if (number % 2u != 0u) {
        return sl_storage_commit(state);
    }
    const uint32_t crc = ~sl_crc32(0xFFFFFFFFu, (const uint8_t *)state, sizeof *state);
    uint32_t words[16];
    for (uint32_t at = 0; at < sizeof *state; at += sizeof words) {
        const uint32_t left = (uint32_t)sizeof *state - at;
        const uint32_t size = left < sizeof words ? left : (uint32_t)sizeof words;
        memcpy(words, (const uint8_t *)state + at, size);
        if (sl_storage_stage(at, words, size) != 0u) {
            return 1u;
        }
    }
    return sl_storage_adopt(crc, state);
}

static sl_state_t state, wanted;

static void power_on(void) {
    staged = NOT_STAGING;
    staging = highest = 0u;
    done = cut_at = 0;
    memset(&state, 0xA5, sizeof state);
    sl_storage_boot(&state);
}

/* Which state it is, of 0 to COMMITS; -1: none that ever was. */
static int found(void) {
    for (uint32_t number = 0; number <= COMMITS; number++) {
        fill(&wanted, number);
        if (memcmp(&wanted, &state, sizeof state) == 0) {
            return (int)number;
        }
    }
    return -1;
}

static const char *broken(int number, int confirmed, int begun) {
    if (number < 0) {
        return "a state that never was";
    }
    if (number < confirmed || number > begun) {
        return "a state too old, or too new";
    }
    if ((sl_storage.source == SL_SOURCE_FACTORY) != (number == 0)) {
        return "the wrong source";
    }
    return 0;
}

/* One world: cuts one after another, then none. Returns what broke. */
static const char *world(const long *cuts, const uint32_t *tears, int n_cuts) {
    static volatile int at, begun;
    static volatile int cut;
    memset(flash_at(SL_STORAGE_ORIGIN), (int)(SL_ERASED & 255u), 2u * SL_AREA_BYTES);
    at = begun = 0;
    power_on();
    for (cut = 0; cut <= n_cuts; cut++) {
        done = 0;
        cut_at = cut < n_cuts ? cuts[cut] : 0;
        tear = cut < n_cuts ? tears[cut] : 0u;
        if (setjmp(off) == 0) {
            while (at < COMMITS) {
                begun = at + 1;
                fill(&state, (uint32_t)begun);
                if (commit(&state, (uint32_t)begun) != 0u) {
                    return "a commit was refused";
                }
                at = begun;
            }
        }
        const int confirmed = at;
        power_on();
        const char *why = broken(found(), confirmed, begun);
        if (why) {
            return why;
        }
        at = found();
    }
    return at == COMMITS ? 0 : "the end is not reached";
}

static long worlds, happened;

static int run(const long *cuts, const uint32_t *tears, int n, uint32_t seed) {
    draw_state = seed * 2654435761u | 1u;
    const char *why = world(cuts, tears, n);
    worlds++;
    happened += n;
    if (why) {
        printf("%s: cuts %ld %ld, tears %u %u, seed %u\n", why, cuts[0], n > 1 ? cuts[1] : 0,
               tears[0], n > 1 ? tears[1] : 0u, seed);
        return 1;
    }
    return 0;
}

/* Arguments: schedule, how many worlds (drawn) or the step (pairs), seed. */
int main(int argc, char **argv) {
    const int schedule = argc > 1 ? atoi(argv[1]) : LINEAR;
    const long count = argc > 2 ? atol(argv[2]) : 1;
    const uint32_t seed = argc > 3 ? (uint32_t)atol(argv[3]) : 1u;
    const uint32_t page = 0xFFFu;
    const size_t start = SL_STORAGE_ORIGIN & ~page;
    const size_t size = ((SL_STORAGE_ORIGIN & page) + 2u * SL_AREA_BYTES + page) & ~(size_t)page;
    if (mmap((void *)start, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)start) {
        perror("flash");
        return 2;
    }
    long none[1] = {0};
    uint32_t no_tear[1] = {0};
    draw_state = 1u;
    if (world(none, no_tear, 0)) {
        puts("without a cut");
        return 1;
    }
    power_on();
    fill(&state, 1u);
    memset(flash_at(SL_STORAGE_ORIGIN), (int)(SL_ERASED & 255u), 2u * SL_AREA_BYTES);
    power_on();
    long operations = 0;
    for (uint32_t number = 1; number <= COMMITS; number++) {
        fill(&state, number);
        (void)commit(&state, number);
        operations = done;
    }
    int failed = 0;
    long cuts[2];
    uint32_t tears[2];
    if (schedule == LINEAR) {
        for (cuts[0] = 1; cuts[0] <= operations && !failed; cuts[0]++) {
            for (tears[0] = 0; tears[0] < TEARS && !failed; tears[0]++) {
                failed = run(cuts, tears, 1, seed + (uint32_t)cuts[0]);
            }
        }
    } else if (schedule == DRAWN) {
        uint32_t own = seed * 2654435761u | 1u;
        for (long i = 0; i < count && !failed; i++) {
            draw_state = own;
            cuts[0] = 1 + (long)(drawn() % (uint32_t)operations);
            cuts[1] = 1 + (long)(drawn() % (uint32_t)operations);
            tears[0] = drawn() % TEARS;
            tears[1] = drawn() % TEARS;
            own = draw_state;
            failed = run(cuts, tears, 1 + (int)(i & 1), own);
        }
    } else {
        for (cuts[0] = 1; cuts[0] <= operations && !failed; cuts[0] += count) {
            for (cuts[1] = 1; cuts[1] <= operations && !failed; cuts[1] += count) {
                tears[0] = (uint32_t)(cuts[0] + cuts[1]) % TEARS;
                tears[1] = (uint32_t)(cuts[0] + 2 * cuts[1]) % TEARS;
                failed = run(cuts, tears, 2, seed + (uint32_t)(cuts[0] * 8191 + cuts[1]));
            }
        }
    }
    printf("{\"operations\": %ld, \"worlds\": %ld, \"cuts\": %ld, \"lost\": %d}\n", operations,
           worlds, happened, failed);
    return failed;
}
