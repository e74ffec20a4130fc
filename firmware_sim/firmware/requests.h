/* Between the loop that takes frames (main.c) and the files that do what they ask. */
#ifndef SL_REQUESTS_H
#define SL_REQUESTS_H

#include <stdint.h>

#include "board.h"
#include "frame.h"
#include "sl_learner.h"

#define FEATURE_BYTES     (4u * (uint32_t)(SL_RAW_INPUTS))
#define LEARN_BYTES       (FEATURE_BYTES + SL_TARGET_BYTES)
#define STATE_CHUNK_BYTES 260u  /* WRITE_STATE: an offset and 256 bytes, whatever the network */
#define SL_DONE           0xFEu /* no status of a reply: it was sent already */

extern sl_state_t sl_state;
extern sl_scratch_t sl_scratch;

/* What HELLO answers. The host reads the same words out of the ELF before it boots it. */
extern const uint32_t sl_link_facts[6];

static inline uint32_t u16_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8);
}

static inline uint32_t u32_at(const uint8_t *bytes) {
    return u16_at(bytes) | (u16_at(bytes + 2) << 16);
}

/* The target behind the features of a sample: a label, or the bits of a number. */
static inline uint32_t sl_target_of(const uint32_t *words) {
    const uint8_t *tail = (const uint8_t *)words + FEATURE_BYTES;
    return SL_TARGET_BYTES == 4u ? u32_at(tail) : u16_at(tail);
}

/* Sends the reply to a request, and keeps it if it is short. `payload` is aligned to words. */
void sl_reply(const sl_frame_t *frame, uint8_t status, const void *payload, uint32_t length);

static inline void sl_reply_status(const sl_frame_t *frame, uint8_t status) {
    sl_reply(frame, status, 0, 0u);
}

/* What was predicted, or the learner's error as a status. */
void sl_reply_result(const sl_frame_t *frame, int32_t result);

/* The learner's features of SL_RAW_INPUTS raw values: raw_plain.c, raw_backbone.c or stages.c. */
const uint32_t *sl_raw_features(const uint32_t *raw);

#ifdef SL_HAS_STAGES
/* stages.c: the status to reply with if a request brings a sample with which no features come;
 * SL_DONE if it is one for the learner. To be called before sl_raw_features. */
uint8_t sl_stages_between(const sl_frame_t *frame);

/* Takes the sample that sl_stages_between let through. */
void sl_stages_take(const uint32_t *raw);
#endif

/* Does a request, whatever it is, and replies. */
void sl_request_handle(const sl_frame_t *frame);

/* Does a request that one kind of network has and others have not: kind_spiking.c, stages.c,
 * or else kind_plain.c. Returns SL_DONE, or the status to reply with. */
uint8_t sl_request_of_kind(const sl_frame_t *frame);

#endif
