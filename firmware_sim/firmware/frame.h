/* The link protocol's frames (docs/device.md gives every byte).
 *
 *   A5 5A | version | type | sequence | status | length u16 | payload | CRC-32 u32
 *
 * Little-endian. The CRC is zlib's, over version .. payload. */
#ifndef SL_FRAME_H
#define SL_FRAME_H

#include <stdint.h>

#define SL_FRAME_VERSION      1u
#define SL_FRAME_HEADER_BYTES 8u
#define SL_FRAME_CRC_BYTES    4u
#define SL_FRAME_REPLY        0x80u /* or-ed into the type of a reply */

enum sl_frame_type {
    SL_TYPE_HELLO = 1,
    SL_TYPE_PREDICT = 2,
    SL_TYPE_LEARN = 3,
    SL_TYPE_READ_STATE = 4,
    SL_TYPE_WRITE_STATE = 5,
    SL_TYPE_HEALTH = 6,
    SL_TYPE_RECALL = 7,       /* as PREDICT, by the learner's memory alone */
    SL_TYPE_PREDICT_MEAN = 8, /* as PREDICT, with the mean weights: nothing is drawn */
    SL_TYPE_ADVANCE = 9,      /* of a spiking network: a step of time without a label */
    SL_TYPE_RESET = 0x0A,     /* of a spiking network: a recording begins */
    SL_TYPE_ASK = 0x0B,       /* as PREDICT, and whether the label is worth asking for */
    SL_TYPE_COMMIT = 0x10,    /* write the state to flash */
    SL_TYPE_STORED = 0x11,    /* what is in flash */
    SL_TYPE_ADOPT = 0x12,     /* take over what WRITE_STATE brought */
    SL_TYPE_IDENTITY = 0x13,  /* the chip's own number */
    SL_TYPE_SESSION = 0x14,   /* of a build with a key: what comes next may be sealed */
    SL_TYPE_LOG = 0x15,       /* of a build with a log of events: where it is, or bytes of it */
    SL_TYPE_FAULT = 0x7F      /* only ever sent by the device, in its last breath */
};

enum sl_frame_status {
    SL_STATUS_OK = 0,
    SL_STATUS_BAD_CRC = 1,     /* header fields of the reply are as received: maybe wrong */
    SL_STATUS_BAD_VERSION = 2, /* another protocol version */
    SL_STATUS_UNKNOWN_TYPE = 3,
    SL_STATUS_WRONG_LENGTH = 4, /* the payload is not this request's size */
    SL_STATUS_TOO_LONG = 5,     /* the payload does not fit the receive buffer */
    SL_STATUS_NOT_FINITE = 6,   /* a feature is NaN or infinite */
    SL_STATUS_UNKNOWN_LABEL = 7,
    SL_STATUS_OUT_OF_RANGE = 8,   /* offset + length exceeds the state */
    SL_STATUS_LEARNER_ERROR = 9,  /* the learner returned another error: payload int32 */
    SL_STATUS_NOT_STORED = 10,    /* the flash did not take it */
    SL_STATUS_OUT_OF_ORDER = 11,  /* a part of a state does not follow the one before */
    SL_STATUS_STATE_DAMAGED = 12, /* the state that came has another CRC */
    SL_STATUS_STATE_REFUSED = 13, /* no learner reaches such a state */
    SL_STATUS_LOCKED = 14,        /* no seal, or not that of this session: see lock.h */
    SL_STATUS_NO_FEATURES = 15,   /* of a learner behind stages: none with this sample */
    SL_STATUS_FAULT = 255         /* the processor faulted: payload pc, lr, xpsr, cfsr (u32) */
};

/* One receive buffer; payload is 4-byte aligned, so features are used where they arrived. */
typedef struct {
    uint32_t *words;         /* the buffer: header, payload, CRC */
    uint32_t capacity_bytes; /* size of the buffer */
    uint32_t used_bytes;     /* bytes received and not yet dropped */
    uint32_t consumed_bytes; /* bytes to drop before the next frame */
} sl_frame_t;

#define SL_FRAME_TICKS 50u /* of 10 ms: silence in the middle of a frame that ends it */

/* zlib's CRC-32 without its two inversions: begin with 0xFFFFFFFF, and invert the end. */
uint32_t sl_crc32(uint32_t crc, const uint8_t *bytes, uint32_t size);

/* Waits for a frame. Returns SL_STATUS_OK (frame complete and CRC right) or one of BAD_CRC,
 * BAD_VERSION, TOO_LONG; after an error the bytes behind the sync are scanned again, so that a
 * good frame inside or behind a damaged one is found. */
uint8_t sl_frame_receive(sl_frame_t *frame);

uint8_t sl_frame_type(const sl_frame_t *frame);
uint8_t sl_frame_sequence(const sl_frame_t *frame);
uint32_t sl_frame_length(const sl_frame_t *frame); /* payload bytes */

/* Sends one frame; `payload` may be anywhere readable, `length` <= 65535. */
void sl_frame_send(uint8_t type, uint8_t sequence, uint8_t status, const uint8_t *payload,
                   uint32_t length);

#endif
