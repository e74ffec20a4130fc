/* The log of events: every sample that was learned, in a ring of blocks in flash, before the areas
 * of the state (docs/device.md, "A log of every sample"). A build without one has none of this.
 *
 * An entry, in units of SL_UNIT_BYTES:
 *
 *   learner id | base | number | CRC-32 of these three and the sample | the sample, padded
 *
 * `base` is the sequence number of the record that the learner came from, `number` counts the
 * samples since: record and entries give the state. The first unit is written last. When
 * half of the ring holds samples of one base, the state is committed and becomes the next: the
 * other half, and the record before, are still there. */
#ifndef SL_LOG_H
#define SL_LOG_H

#include "board.h"
#include "frame.h"

#if SL_LOG_BLOCKS
/* Learns again what was logged since the record that the state came from. `room` is for a sample.
 */
void sl_log_boot(uint32_t *room);

/* Makes room for one entry, before its sample is learned. */
void sl_log_room(void);

/* Writes the sample that was just learned; if the flash does not take it, the state instead. */
void sl_log_append(const uint32_t *words);

/* Does LOG. Returns SL_DONE, or the status to reply with. */
uint8_t sl_log_read(const sl_frame_t *frame);

#else
static inline void sl_log_boot(uint32_t *room) {
    (void)room;
}

static inline void sl_log_room(void) {}

static inline void sl_log_append(const uint32_t *words) {
    (void)words;
}

static inline uint8_t sl_log_read(const sl_frame_t *frame) {
    (void)frame;
    return SL_STATUS_UNKNOWN_TYPE;
}
#endif
#endif
