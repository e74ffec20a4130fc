/* The lock on reading and writing the state: a build with a key answers such requests only if they
 * carry a seal (docs/device.md, "Behind a key"). A build without one has none of this.
 *
 * A seal stands at the end of the payload, of a request and of its reply:
 *
 *   counter u32 | the first 16 bytes of HMAC-SHA256(session key, counter | header | payload)
 *
 * The header is version .. length. A session's key is HMAC-SHA256(key, "streamlearn link" | what
 * the host drew | what SESSION answered). The answer holds a number that no earlier boot had. */
#ifndef SL_LOCK_H
#define SL_LOCK_H

#include "board.h"
#include "frame.h"

#if SL_LOCKED
#define SL_SEAL_BYTES 20u

/* Does SESSION. Returns SL_DONE, or the status to reply with. */
uint8_t sl_lock_begin(const sl_frame_t *frame);

/* Returns SL_STATUS_OK if a request may be done, its seal taken off; else the status to reply
 * with. What it refuses has changed nothing. */
uint8_t sl_lock_admit(const sl_frame_t *frame);

/* Says that the next reply repeats the last one that was given: it is sealed as that was. */
void sl_lock_repeat(uint8_t type);

/* Returns the bytes of the seal that the next reply ends with: SL_SEAL_BYTES or 0. */
uint32_t sl_lock_extra(void);

/* Returns that seal, for a reply with these six bytes of header. */
const uint8_t *sl_lock_seal(const uint8_t *header, const uint8_t *payload, uint32_t length);

#else
#define SL_SEAL_BYTES 0u

static inline uint8_t sl_lock_begin(const sl_frame_t *frame) {
    (void)frame;
    return SL_STATUS_UNKNOWN_TYPE;
}

static inline uint8_t sl_lock_admit(const sl_frame_t *frame) {
    (void)frame;
    return SL_STATUS_OK;
}

static inline void sl_lock_repeat(uint8_t type) {
    (void)type;
}

static inline uint32_t sl_lock_extra(void) {
    return 0u;
}

static inline const uint8_t *sl_lock_seal(const uint8_t *header, const uint8_t *payload,
                                          uint32_t length) {
    (void)header;
    (void)length;
    return payload;
}
#endif
#endif
