#include "lock.h"

#include "port.h"
#include "requests.h"
#include "storage.h"

#define NONCE_BYTES  16u
#define HEADER_BYTES 6u /* version .. length */
#define LOCKED_TYPES                                                                               \
    (1u << SL_TYPE_READ_STATE | 1u << SL_TYPE_WRITE_STATE | 1u << SL_TYPE_COMMIT |                 \
     1u << SL_TYPE_ADOPT | 1u << SL_TYPE_LOG)

/* seal.zig: HMAC-SHA256 of zig's standard library, and a comparison that takes the same time
 * whatever it finds. */
void sl_mac(const uint8_t *key, const uint8_t *head, uint32_t head_bytes, const uint8_t *body,
            uint32_t body_bytes, uint8_t *out);
uint32_t sl_mac_is(const uint8_t *mac, const uint8_t *tag);

extern const uint8_t sl_lock_key[32];

static uint8_t session[32];
static uint32_t opened; /* sessions since the reset */
static uint32_t start;  /* sequence number in flash when the first of them began */
static uint32_t last;   /* counter of the latest request that was admitted */
static uint32_t sealing;

static uint32_t is_locked(uint8_t type) {
    return type < 32u ? LOCKED_TYPES >> type & 1u : 0u;
}

uint8_t sl_lock_begin(const sl_frame_t *frame) {
    static const char name[] = "streamlearn link";
    if (sl_frame_length(frame) != NONCE_BYTES) {
        return SL_STATUS_WRONG_LENGTH;
    }
    if (opened == 0xFFFFFFFFu) {
        return SL_STATUS_LOCKED; /* no number of a session comes again */
    }
    if (opened == 0u) {
        start = sl_storage_highest();
    }
    opened++;
    last = 0u;
    uint8_t head[sizeof name - 1u + NONCE_BYTES];
    __builtin_memcpy(head, name, sizeof name - 1u);
    __builtin_memcpy(head + sizeof name - 1u, frame->words + SL_FRAME_HEADER_BYTES / 4u,
                     NONCE_BYTES);
    uint32_t said[4];
    sl_port_unique_id(said);
    said[2] = start;
    said[3] = opened;
    sl_mac(sl_lock_key, head, sizeof head, (const uint8_t *)said, sizeof said, session);
    sl_reply(frame, SL_STATUS_OK, said, sizeof said);
    return SL_DONE;
}

static void mac(uint32_t counter, const uint8_t *header, const uint8_t *payload, uint32_t length,
                uint8_t *out) {
    uint8_t head[4u + HEADER_BYTES];
    __builtin_memcpy(head, &counter, sizeof counter);
    __builtin_memcpy(head + sizeof counter, header, HEADER_BYTES);
    sl_mac(session, head, sizeof head, payload, length, out);
}

uint8_t sl_lock_admit(const sl_frame_t *frame) {
    uint8_t *bytes = (uint8_t *)frame->words;
    const uint32_t length = sl_frame_length(frame);
    if (is_locked(sl_frame_type(frame)) == 0u) {
        return SL_STATUS_OK;
    }
    if (opened == 0u || length < SL_SEAL_BYTES) {
        return SL_STATUS_LOCKED;
    }
    const uint32_t bare = length - SL_SEAL_BYTES;
    const uint8_t *seal = bytes + SL_FRAME_HEADER_BYTES + bare;
    const uint32_t counter = u32_at(seal);
    uint8_t right[32];
    mac(counter, bytes + 2, bytes + SL_FRAME_HEADER_BYTES, bare, right);
    if (counter <= last || sl_mac_is(right, seal + 4) == 0u) {
        return SL_STATUS_LOCKED;
    }
    last = counter;
    sealing = 1u;
    /* Before anything is done for a key, the flash has a higher sequence number than this boot
     * began with: the sessions of the next boot differ from all of this one. */
    if (sl_storage.sequence <= start && sl_storage_commit(&sl_state) != 0u) {
        return SL_STATUS_NOT_STORED;
    }
    bytes[6] = (uint8_t)bare;
    bytes[7] = (uint8_t)(bare >> 8);
    return SL_STATUS_OK;
}

void sl_lock_repeat(uint8_t type) {
    sealing = is_locked(type);
}

uint32_t sl_lock_extra(void) {
    return sealing * SL_SEAL_BYTES;
}

const uint8_t *sl_lock_seal(const uint8_t *header, const uint8_t *payload, uint32_t length) {
    static uint8_t seal[4u + 32u];
    __builtin_memcpy(seal, &last, sizeof last);
    mac(last, header, payload, length, seal + 4u);
    sealing = 0u;
    return seal;
}
