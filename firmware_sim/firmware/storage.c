#include "storage.h"

#include "frame.h"
#include "port.h"

#define UNIT_WORDS   (SL_UNIT_BYTES / 4u)
#define STATE_UNITS  (((uint32_t)sizeof(sl_state_t) + SL_UNIT_BYTES - 1u) / SL_UNIT_BYTES)
#define DATA_BYTES   (STATE_UNITS * SL_UNIT_BYTES)
#define RECORD_BYTES (SL_UNIT_BYTES + DATA_BYTES + SL_UNIT_BYTES)
#define RECORDS      (SL_AREA_BYTES / RECORD_BYTES)
#define WHOLE        0x5A17E57Du
#define NOT_STAGING  0xFFFFFFFFu
#define ATTEMPTS     2u

_Static_assert(RECORD_BYTES <= SL_AREA_BYTES, "a record fits an area");

#ifdef SL_HAS_START
void sl_learner_start(sl_state_t *state); /* made from its seed */
#else
extern const uint8_t sl_state_image[];
static void sl_learner_start(sl_state_t *state) {
    __builtin_memcpy(state, sl_state_image, sizeof *state);
}
#endif
int32_t sl_learner_check(const sl_state_t *state); /* where the export has one: SL_HAS_CHECK */

sl_storage_t sl_storage;
static uint32_t staged = NOT_STAGING; /* bytes of the record that comes over the link */
static uint32_t staging;              /* its address */
static uint32_t highest;              /* sequence number that a record in flash has, or may have */

static const uint32_t *words_at(uint32_t address) {
    return (const uint32_t *)(uintptr_t)address;
}

static uint32_t place(uint32_t area, uint32_t index) {
    return SL_STORAGE_ORIGIN + area * SL_AREA_BYTES + index * RECORD_BYTES;
}

static uint32_t is_blank(uint32_t address, uint32_t size) {
    for (uint32_t i = 0; i < size / 4u; i++) {
        if (words_at(address)[i] != SL_ERASED) {
            return 0u;
        }
    }
    return 1u;
}

static uint32_t is_ours(uint32_t address) {
    const uint32_t *head = words_at(address);
    return head[0] == SL_LEARNER_ID && head[2] == sizeof(sl_state_t);
}

static uint32_t crc_of(const void *head, const void *state) {
    const uint32_t crc = sl_crc32(0xFFFFFFFFu, (const uint8_t *)head, SL_UNIT_BYTES);
    return ~sl_crc32(crc, (const uint8_t *)state, sizeof(sl_state_t));
}

static uint32_t is_whole(uint32_t address) {
    const uint32_t *head = words_at(address);
    const uint32_t *data = head + UNIT_WORDS;
    const uint32_t *tail = data + DATA_BYTES / 4u;
    return is_ours(address) && tail[3] == WHOLE && tail[1] == head[1] &&
           tail[0] == crc_of(head, data);
}

uint32_t sl_storage_program(uint32_t address, const uint32_t *words) {
    uint32_t wrong = sl_port_program(address, words);
    for (uint32_t i = 0; i < UNIT_WORDS; i++) {
        wrong |= words_at(address)[i] ^ words[i];
    }
    return wrong != 0u;
}

/* Finds the newest whole record; returns its sequence number, or 0 and the address 0. From the last
 * record of an area to the first: the newest is met early, and only what would be newer than it is
 * worth a CRC. */
static uint32_t find_newest(void) {
    uint32_t newest = 0u;
    sl_storage.active = 0u;
    for (uint32_t area = 0; area < 2u; area++) {
        for (uint32_t index = RECORDS; index-- > 0u;) {
            const uint32_t at = place(area, index);
            const uint32_t sequence = words_at(at)[1];
            if (is_ours(at) && sequence > newest && is_whole(at)) {
                newest = sequence;
                sl_storage.active = at;
            }
        }
    }
    return newest;
}

/* Copies a record's state out of flash; returns whether it came over as it was written. What was
 * checked in flash may be read with another bit the next time. */
static uint32_t copy(sl_state_t *state, uint32_t at) {
    __builtin_memcpy(state, words_at(at + SL_UNIT_BYTES), sizeof *state);
    return words_at(at + SL_UNIT_BYTES + DATA_BYTES)[0] == crc_of(words_at(at), state);
}

/* A record that cannot be read now may be whole at the next boot: no later one may have its number.
 * A number that is read wrong must not be believed: it is said twice, and numbers are dense. */
static void note_highest(void) {
    highest = sl_storage.sequence;
    for (uint32_t i = 0; i < 4u * RECORDS; i++) {
        const uint32_t *head = words_at(place(i / 2u / RECORDS, i / 2u % RECORDS));
        const uint32_t *tail = head + UNIT_WORDS + DATA_BYTES / 4u;
        const uint32_t said = i % 2u == 0u ? head[1] : tail[1];
        const uint32_t is_dense = said - sl_storage.sequence <= 2u * RECORDS;
        if (head[0] == SL_LEARNER_ID && said > highest && said != SL_ERASED &&
            (head[1] == tail[1] || (tail[3] == WHOLE && is_dense))) {
            highest = said;
        }
    }
}

void sl_storage_boot(sl_state_t *state) {
    sl_storage = (sl_storage_t){0};
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        sl_storage.sequence = find_newest();
        if (sl_storage.active == 0u || copy(state, sl_storage.active)) {
            break;
        }
        sl_storage.active = sl_storage.sequence = 0u;
    }
    note_highest();
    for (uint32_t area = 0; area < 2u; area++) {
        for (uint32_t index = 0; index < RECORDS; index++) {
            const uint32_t at = place(area, index);
            sl_storage.unwhole += is_ours(at) && words_at(at)[1] > sl_storage.sequence;
        }
    }
    sl_storage.source = sl_storage.active == 0u    ? SL_SOURCE_FACTORY
                        : sl_storage.unwhole == 0u ? SL_SOURCE_NEWEST
                                                   : SL_SOURCE_BEFORE;
    if (sl_storage.active == 0u) {
        sl_learner_start(state);
    }
}

uint32_t sl_storage_highest(void) {
    return highest;
}

#if SL_LOG_BLOCKS
void sl_storage_note(uint32_t sequence) {
    highest = sequence > highest ? sequence : highest;
}
#endif

/* Finds room for the next record, and writes its head. */
static uint32_t begin(uint32_t *at) {
    staged = NOT_STAGING;
    uint32_t area = 1u;
    if (sl_storage.active != 0u) {
        area = (sl_storage.active - SL_STORAGE_ORIGIN) / SL_AREA_BYTES;
        const uint32_t end = place(area, RECORDS);
        for (*at = sl_storage.active + RECORD_BYTES; *at < end; *at += RECORD_BYTES) {
            if (is_blank(*at, RECORD_BYTES)) {
                break;
            }
        }
        if (*at >= end) {
            *at = 0u;
        }
    } else {
        *at = 0u;
    }
    if (*at == 0u) {
        /* Never erase the only whole record: the newest may have lost a bit since. */
        if (sl_storage.active != 0u && !is_whole(sl_storage.active)) {
            (void)find_newest();
            area = sl_storage.active != 0u ? (sl_storage.active - SL_STORAGE_ORIGIN) / SL_AREA_BYTES
                                           : 1u;
        }
        *at = place(1u - area, 0u);
        for (uint32_t page = 0; page < SL_AREA_BYTES; page += SL_PAGE_BYTES) {
            if (sl_port_erase(*at + page) != 0u) {
                return 1u;
            }
        }
    }
    const uint32_t head[UNIT_WORDS] = {SL_LEARNER_ID, highest + 1u, sizeof(sl_state_t), 0u};
    return sl_storage_program(*at, head);
}

static uint32_t finish(uint32_t at, uint32_t crc) {
    const uint32_t tail[UNIT_WORDS] = {crc, highest + 1u, 0u, WHOLE};
    const uint32_t wrong =
        sl_storage_program(at + SL_UNIT_BYTES + DATA_BYTES, tail) != 0u || !is_whole(at);
    if (wrong == 0u) {
        sl_storage.sequence = ++highest;
        sl_storage.active = at;
        sl_storage.commits++;
    }
#if SL_LOG_BLOCKS
    if (wrong != 0u) {
        highest++; /* it may be whole all the same: the log knows a state by its number */
    }
#endif
    return wrong;
}

/* The next unit of so many bytes that are left; the last one is filled up with 0. */
static void take_unit(uint32_t unit[UNIT_WORDS], const uint8_t *bytes, uint32_t left) {
    for (uint32_t i = 0; i < UNIT_WORDS; i++) {
        unit[i] = 0u;
    }
    for (uint32_t i = 0; i < SL_UNIT_BYTES && i < left; i++) {
        ((uint8_t *)unit)[i] = bytes[i];
    }
}

static uint32_t write_record(const sl_state_t *state) {
    uint32_t at;
    uint32_t wrong = begin(&at);
    for (uint32_t done = 0; done < DATA_BYTES && wrong == 0u; done += SL_UNIT_BYTES) {
        uint32_t unit[UNIT_WORDS];
        take_unit(unit, (const uint8_t *)state + done, (uint32_t)sizeof *state - done);
        wrong = sl_storage_program(at + SL_UNIT_BYTES + done, unit);
    }
    return wrong != 0u || finish(at, crc_of(words_at(at), state)) != 0u;
}

uint32_t sl_storage_commit(const sl_state_t *state) {
    /* Once more, in another place: what failed may have been a moment, or that place. */
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (write_record(state) == 0u) {
            return 0u;
        }
    }
    sl_storage.failures++;
    return 1u;
}

uint32_t sl_storage_stage(uint32_t offset, const uint32_t *words, uint32_t size) {
    if (offset == 0u) {
        if (begin(&staging) != 0u) {
            sl_storage.failures++;
            return 1u;
        }
        staged = 0u;
    }
    if (staged != offset || offset % SL_UNIT_BYTES != 0u) {
        return 2u;
    }
    for (uint32_t done = 0; done < size; done += SL_UNIT_BYTES) {
        uint32_t unit[UNIT_WORDS];
        take_unit(unit, (const uint8_t *)words + done, size - done);
        if (sl_storage_program(staging + SL_UNIT_BYTES + offset + done, unit) != 0u) {
            staged = NOT_STAGING;
            sl_storage.failures++;
            return 1u;
        }
    }
    staged = offset + size;
    return 0u;
}

uint32_t sl_storage_adopt(uint32_t crc, sl_state_t *state) {
    if (staged != sizeof *state) {
        return 2u;
    }
    staged = NOT_STAGING;
    const sl_state_t *come = (const sl_state_t *)words_at(staging + SL_UNIT_BYTES);
    if (~sl_crc32(0xFFFFFFFFu, (const uint8_t *)come, sizeof *state) != crc) {
        return 3u;
    }
#ifdef SL_HAS_CHECK
    if (sl_learner_check(come) == 0) {
        return 4u;
    }
#endif
    if (finish(staging, crc_of(words_at(staging), come)) != 0u) {
        sl_storage.failures++;
        return 1u;
    }
    for (uint32_t attempt = 0; attempt < ATTEMPTS && !copy(state, staging); attempt++) {
    }
    return 0u;
}
