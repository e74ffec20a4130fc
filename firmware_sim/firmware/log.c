#include "log.h"

#include "lock.h"
#include "port.h"
#include "requests.h"
#include "storage.h"

#define UNIT_WORDS   (SL_UNIT_BYTES / 4u)
#define SAMPLE_UNITS ((LEARN_BYTES + SL_UNIT_BYTES - 1u) / SL_UNIT_BYTES)
#define ENTRY_BYTES  ((1u + SAMPLE_UNITS) * SL_UNIT_BYTES)
#define PER_BLOCK    (SL_LOG_BLOCK_BYTES / ENTRY_BYTES)
#define SLOTS        (SL_LOG_BLOCKS * PER_BLOCK)
#define ALL_BYTES    (SL_LOG_BLOCKS * SL_LOG_BLOCK_BYTES + 2u * SL_AREA_BYTES)
#define HALF         ((SL_LOG_BLOCKS - 1u) * PER_BLOCK / 2u) /* samples between two bases */
#define ATTEMPTS     2u

_Static_assert(HALF >= 1, "one block is erased while others hold the entries of two bases");
_Static_assert(PER_BLOCK >= 1, "an entry fits a block");

/* The host finds it in the ELF; read as volatile, so that the linker keeps it. */
extern const volatile uint32_t sl_log_plan[3];
const volatile uint32_t sl_log_plan[3] = {ENTRY_BYTES, SL_LOG_BLOCK_BYTES, SL_LOG_BLOCKS};

/* What LOG answers. */
static struct {
    uint32_t origin, block_bytes, blocks, entry_bytes, area_bytes, learner;
    uint32_t base, number; /* of the next entry */
    uint32_t lost;         /* samples since the reset that neither log nor record took */
} log_facts;

static uint32_t slot;   /* where it goes */
static uint32_t is_off; /* the flash took nothing: until there is another base */

static const uint32_t *entry_at(uint32_t index) {
    const uint32_t address =
        SL_LOG_ORIGIN + index / PER_BLOCK * SL_LOG_BLOCK_BYTES + index % PER_BLOCK * ENTRY_BYTES;
    return (const uint32_t *)(uintptr_t)address;
}

static uint32_t is_erased(const uint32_t *words, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes / 4u; i++) {
        if (words[i] != SL_ERASED) {
            return 0u;
        }
    }
    return 1u;
}

static uint32_t entry_crc(const uint32_t *head, const uint32_t *sample) {
    const uint32_t crc = sl_crc32(0xFFFFFFFFu, (const uint8_t *)head, 12u);
    return ~sl_crc32(crc, (const uint8_t *)sample, LEARN_BYTES);
}

static uint32_t is_of_base(const uint32_t *head) {
    return head[0] == SL_LEARNER_ID && head[1] == log_facts.base;
}

static void begin_base(void) {
    if (log_facts.base != sl_storage.sequence) {
        log_facts.base = sl_storage.sequence;
        log_facts.number = 0u;
        is_off = 0u;
    }
}

/* Commits, so that there is another base. What was logged for this one is not needed any more. */
static uint32_t commit(void) {
    const uint32_t failed = sl_storage_commit(&sl_state);
    is_off = failed;
    begin_base();
    return failed;
}

/* What was checked in flash may be read with another bit the next time: what counts is a copy. */
static void take_head(uint32_t head[UNIT_WORDS], uint32_t index) {
    __builtin_memcpy(head, entry_at(index), SL_UNIT_BYTES);
}

/* Finds where the entries of the base begin; and puts `slot` behind the newest entry of all. No
 * later record may have the number of a base that there are entries of: its own record may be
 * unreadable. */
static uint32_t find_first(void) {
    uint32_t first = SLOTS, newest_base = 0u, newest_number = 0u;
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t head[UNIT_WORDS];
        take_head(head, i);
        if (head[0] != SL_LEARNER_ID || head[3] != entry_crc(head, entry_at(i) + UNIT_WORDS)) {
            continue;
        }
        if (head[1] == log_facts.base && head[2] == 0u) {
            first = i;
        }
        if (head[1] > newest_base || (head[1] == newest_base && head[2] >= newest_number)) {
            newest_base = head[1];
            newest_number = head[2];
            slot = i + 1u;
        }
    }
    sl_storage_note(newest_base);
    return first;
}

void sl_log_boot(uint32_t *room) {
    log_facts.origin = SL_LOG_ORIGIN;
    log_facts.entry_bytes = sl_log_plan[0];
    log_facts.block_bytes = sl_log_plan[1];
    log_facts.blocks = sl_log_plan[2];
    log_facts.area_bytes = SL_AREA_BYTES;
    log_facts.learner = SL_LEARNER_ID;
    log_facts.base = sl_storage.sequence;
    const uint32_t first = find_first();
    for (uint32_t i = 0; i < SLOTS && first < SLOTS; i++) {
        const uint32_t at = (first + i) % SLOTS;
        uint32_t head[UNIT_WORDS];
        take_head(head, at);
        __builtin_memcpy(room, entry_at(at) + UNIT_WORDS, LEARN_BYTES);
        if (is_of_base(head) && head[2] == log_facts.number && head[3] == entry_crc(head, room)) {
            (void)sl_learner_learn(&sl_state, &sl_scratch, sl_raw_features(room),
                                   sl_target_of(room));
            log_facts.number++;
            slot = at + 1u;
        }
#if SL_WATCHDOG
        sl_port_watchdog();
#endif
    }
    /* An entry that cannot be read now would stand among the later ones: they get another base. */
    uint32_t damaged = 0u;
    for (uint32_t i = 0; i < SLOTS; i++) {
        damaged |= is_of_base(entry_at(i)) && entry_at(i)[2] >= log_facts.number;
    }
    if (damaged != 0u) {
        (void)commit();
    }
}

/* Tells whether a block holds an entry that the state of now is made from. */
static uint32_t is_needed(uint32_t index) {
    for (uint32_t i = 0; i < PER_BLOCK; i++) {
        if (is_of_base(entry_at(index + i))) {
            return 1u;
        }
    }
    return 0u;
}

static uint32_t erase(uint32_t index) {
    const uint32_t at = (uint32_t)(uintptr_t)entry_at(index);
    uint32_t wrong = 0u;
    for (uint32_t page = 0; page < SL_LOG_BLOCK_BYTES; page += SL_PAGE_BYTES) {
        wrong |= sl_port_erase(at + page);
    }
    return wrong;
}

void sl_log_room(void) {
    begin_base();
    if (log_facts.number >= HALF && is_off == 0u && commit() != 0u) {
        return;
    }
    for (uint32_t tried = 0; tried < SLOTS && is_off == 0u; tried++, slot++) {
        slot %= SLOTS;
        if (slot % PER_BLOCK == 0u && !is_erased(entry_at(slot), SL_LOG_BLOCK_BYTES)) {
            if (is_needed(slot) && commit() != 0u) {
                return;
            }
            (void)erase(slot);
        }
        if (is_erased(entry_at(slot), ENTRY_BYTES)) {
            return;
        }
    }
}

static uint32_t write_entry(const uint32_t *words) {
    const uint32_t at = (uint32_t)(uintptr_t)entry_at(slot % SLOTS);
    uint32_t head[UNIT_WORDS] = {SL_LEARNER_ID, log_facts.base, log_facts.number, 0u};
    head[3] = entry_crc(head, words);
    for (uint32_t done = 0; done < LEARN_BYTES; done += SL_UNIT_BYTES) {
        uint32_t unit[UNIT_WORDS] = {0};
        const uint32_t left = LEARN_BYTES - done;
        __builtin_memcpy(unit, (const uint8_t *)words + done,
                         left < SL_UNIT_BYTES ? left : SL_UNIT_BYTES);
        if (sl_storage_program(at + SL_UNIT_BYTES + done, unit) != 0u) {
            return 1u;
        }
    }
    return sl_storage_program(at, head);
}

void sl_log_append(const uint32_t *words) {
    for (uint32_t attempt = 0; attempt < ATTEMPTS && is_off == 0u; attempt++) {
        const uint32_t wrong = write_entry(words);
        slot++;
        if (wrong == 0u) {
            log_facts.number++;
            return;
        }
        if (slot % PER_BLOCK == 0u || !is_erased(entry_at(slot), ENTRY_BYTES)) {
            break; /* no room without erasing; the state holds this sample already */
        }
    }
    if (is_off != 0u || commit() != 0u) {
        log_facts.lost++;
    }
}

uint8_t sl_log_read(const sl_frame_t *frame) {
    const uint8_t *payload = (const uint8_t *)(frame->words + SL_FRAME_HEADER_BYTES / 4u);
    const uint32_t length = sl_frame_length(frame);
    if (length == 0u) {
        begin_base();
        sl_reply(frame, SL_STATUS_OK, &log_facts, sizeof log_facts);
        return SL_DONE;
    }
    if (length != 6u) {
        return SL_STATUS_WRONG_LENGTH;
    }
    const uint32_t offset = u32_at(payload);
    const uint32_t size = u16_at(payload + 4);
    if (offset > ALL_BYTES || size > ALL_BYTES - offset || size > 0xFFFFu - SL_SEAL_BYTES) {
        return SL_STATUS_OUT_OF_RANGE;
    }
    const uint8_t *bytes = (const uint8_t *)entry_at(0u) + offset;
    sl_frame_send(SL_TYPE_LOG | SL_FRAME_REPLY, sl_frame_sequence(frame), SL_STATUS_OK, bytes,
                  size);
    return SL_DONE;
}
