/* The device's program: wait for a request, predict or learn, answer. */
#include <stdint.h>

#include "frame.h"
#include "sl_learner.h"
#include "uart.h"

#define FEATURE_BYTES     (4u * (uint32_t)(SL_N_FEATURES))
#define LEARN_BYTES       (FEATURE_BYTES + SL_TARGET_BYTES)
#define STATE_CHUNK_BYTES 260u /* WRITE_STATE: an offset and 256 bytes, whatever the network */
#define LARGER_BYTES      (LEARN_BYTES > STATE_CHUNK_BYTES ? LEARN_BYTES : STATE_CHUNK_BYTES)
#define MAX_PAYLOAD_BYTES ((LARGER_BYTES + 3u) & ~3u)
#define FRAME_BYTES       (SL_FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES + SL_FRAME_CRC_BYTES)

#if (4 * (SL_N_FEATURES) + 4) > 65532
#error "SL_N_FEATURES is too large for a frame: its length field has 16 bits"
#endif
#if (SL_N_CLASSES) > 65536
#error "SL_N_CLASSES is too large for a frame: a label has 16 bits"
#endif

/* All the RAM this program owns, by name, so that the build can say what is how large. */
static sl_state_t sl_state;
static sl_scratch_t sl_scratch;
static uint32_t sl_frame_words[FRAME_BYTES / 4u];

/* The state to start from: sizeof(sl_state_t) bytes, written by the export. */
extern const uint8_t sl_state_image[];

/* What HELLO answers. The host reads the same words out of the ELF before it boots it. */
extern const uint32_t sl_link_facts[6];
__attribute__((used)) const uint32_t sl_link_facts[6] = {SL_FRAME_VERSION,
                                                         SL_N_FEATURES,
                                                         SL_N_CLASSES,
                                                         (uint32_t)sizeof(sl_state_t),
                                                         (uint32_t)sizeof(sl_scratch_t),
                                                         MAX_PAYLOAD_BYTES};

static uint32_t u16_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8);
}

static uint32_t u32_at(const uint8_t *bytes) {
    return u16_at(bytes) | (u16_at(bytes + 2) << 16);
}

static void reply(const sl_frame_t *frame, uint8_t status, const void *payload, uint32_t length) {
    sl_frame_send(sl_frame_type(frame) | SL_FRAME_REPLY, sl_frame_sequence(frame), status,
                  (const uint8_t *)payload, length);
}

static void reply_status(const sl_frame_t *frame, uint8_t status) {
    reply(frame, status, 0, 0u);
}

/* What was predicted, or the learner's error as a status. */
static void reply_result(const sl_frame_t *frame, int32_t result) {
    if (result >= 0) {
        reply(frame, SL_STATUS_OK, SL_PREDICTION(&sl_scratch, &result), 4u * SL_PREDICTION_WORDS);
    } else if (result == SL_ERR_NOT_FINITE) {
        reply_status(frame, SL_STATUS_NOT_FINITE);
    } else if (result == SL_ERR_LABEL) {
        reply_status(frame, SL_STATUS_UNKNOWN_LABEL);
    } else {
        reply(frame, SL_STATUS_LEARNER_ERROR, &result, 4u);
    }
}

/* Whether bytes [offset, offset + size) lie inside the state. */
static int in_state(uint32_t offset, uint32_t size) {
    return offset <= sizeof sl_state && size <= sizeof sl_state - offset;
}

static void handle_read_state(const sl_frame_t *frame, const uint8_t *payload) {
    const uint32_t offset = u32_at(payload);
    const uint32_t size = u16_at(payload + 4);
    if (in_state(offset, size)) {
        reply(frame, SL_STATUS_OK, (const uint8_t *)&sl_state + offset, size);
    } else {
        reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    }
}

static void handle_write_state(const sl_frame_t *frame, const uint8_t *payload, uint32_t length) {
    const uint32_t offset = u32_at(payload);
    if (in_state(offset, length - 4u)) {
        __builtin_memcpy((uint8_t *)&sl_state + offset, payload + 4, length - 4u);
        reply_status(frame, SL_STATUS_OK);
    } else {
        reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    }
}

static void handle(const sl_frame_t *frame) {
    const uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    const uint8_t *payload = (const uint8_t *)words;
    const uint32_t length = sl_frame_length(frame);
    uint8_t status = SL_STATUS_WRONG_LENGTH;
    switch (sl_frame_type(frame)) {
    case SL_TYPE_HELLO:
        if (length == 0u) {
            reply(frame, SL_STATUS_OK, sl_link_facts, sizeof sl_link_facts);
            return;
        }
        break;
    case SL_TYPE_PREDICT:
        if (length == FEATURE_BYTES) {
            reply_result(frame, sl_learner_predict(&sl_state, &sl_scratch, words));
            return;
        }
        break;
#ifdef SL_HAS_PREDICT_MEAN
    case SL_TYPE_PREDICT_MEAN:
        if (length == FEATURE_BYTES) {
            reply_result(frame, sl_learner_predict_mean(&sl_state, &sl_scratch, words));
            return;
        }
        break;
#endif
#ifdef SL_HAS_RECALL
    case SL_TYPE_RECALL:
        if (length == FEATURE_BYTES) {
            reply_result(frame, sl_learner_recall(&sl_state, &sl_scratch, words));
            return;
        }
        break;
#endif
    case SL_TYPE_LEARN:
        if (length == LEARN_BYTES) {
            const uint8_t *tail = payload + FEATURE_BYTES;
            const uint32_t target = SL_TARGET_BYTES == 4u ? u32_at(tail) : u16_at(tail);
            reply_result(frame, sl_learner_learn(&sl_state, &sl_scratch, words, target));
            return;
        }
        break;
    case SL_TYPE_READ_STATE:
        if (length == 6u) {
            handle_read_state(frame, payload);
            return;
        }
        break;
    case SL_TYPE_WRITE_STATE:
        if (length >= 4u) {
            handle_write_state(frame, payload, length);
            return;
        }
        break;
    case SL_TYPE_HEALTH:
        if (length == 0u) {
            uint32_t health[SL_HEALTH_WORDS];
            sl_learner_health(&sl_state, &sl_scratch, health);
            reply(frame, SL_STATUS_OK, health, sizeof health);
            return;
        }
        break;
    default:
        status = SL_STATUS_UNKNOWN_TYPE;
        break;
    }
    reply_status(frame, status);
}

int main(void) {
    static sl_frame_t frame;
    frame.words = sl_frame_words;
    frame.capacity_bytes = sizeof sl_frame_words;
    __builtin_memcpy(&sl_state, sl_state_image, sizeof sl_state);
    sl_uart_init();
    for (;;) {
        const uint8_t status = sl_frame_receive(&frame);
        if (status == SL_STATUS_OK) {
            handle(&frame);
        } else {
            reply_status(&frame, status);
        }
    }
}
