/* The state in flash: two areas of records, over the port's erase and program.
 *
 * A record, in units of SL_UNIT_BYTES:
 *
 *   learner id | sequence | length | 0 | the state, padded | CRC-32 | sequence | 0 | WHOLE
 *
 * The last word is written last, so a record that was cut lacks it. The CRC covers head and state.
 * Records follow one another in an area; when one does not fit, the *other* area is erased and
 * takes it. The newest whole record is never erased, and the one before it only to make room. */
#ifndef SL_STORAGE_H
#define SL_STORAGE_H

#include "board.h"
#include "sl_learner.h"

enum sl_storage_source {
    SL_SOURCE_FACTORY = 0, /* nothing whole is stored: the state that the build was given */
    SL_SOURCE_NEWEST = 1,
    SL_SOURCE_BEFORE = 2 /* a later one was begun and is not whole */
};

/* What STORED answers. */
typedef struct {
    uint32_t source;   /* where the state came from at boot: sl_storage_source */
    uint32_t sequence; /* of the newest whole record; 0: there is none */
    uint32_t commits;  /* since the reset */
    uint32_t failures; /* commits since the reset that the flash refused */
    uint32_t unwhole;  /* records, at boot, with a newer head than that and no end */
    uint32_t active;   /* address of the newest whole record; 0: there is none */
} sl_storage_t;

extern sl_storage_t sl_storage;

/* Fills `state` with the newest whole record, or with the factory state. */
void sl_storage_boot(sl_state_t *state);

/* Returns the highest sequence number that a record in flash has, or may have. */
uint32_t sl_storage_highest(void);

#if SL_LOG_BLOCKS
/* Says that a record with this number was there, too. */
void sl_storage_note(uint32_t sequence);
#endif

/* Programs one unit and reads it back. Returns 0, or 1 if the flash did not take it. */
uint32_t sl_storage_program(uint32_t address, const uint32_t *words);

/* Writes a record of `state`. Returns 0, or 1 if the flash did not take it: the record before
 * stays the newest. */
uint32_t sl_storage_commit(const sl_state_t *state);

/* Writes bytes [offset, offset + size) of a record that comes over the link: from offset 0 on,
 * without a gap, all but the last in multiples of SL_UNIT_BYTES. Returns 0; 1 if the
 * flash refused; 2 if this is not the part that follows. */
uint32_t sl_storage_stage(uint32_t offset, const uint32_t *words, uint32_t size);

/* Ends that record. Returns 0 and fills `state` if it came whole, its bytes have this CRC-32 and
 * they are a state that a learner can reach; 1 if the flash refused; 2 if parts are missing; 3 if
 * the CRC differs; 4 if no learner reaches such a state. Then everything is as before. */
uint32_t sl_storage_adopt(uint32_t crc, sl_state_t *state);

#endif
