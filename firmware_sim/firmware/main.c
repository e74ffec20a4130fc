/* The device's program: wait for a request, predict or learn, answer. */
#include <stdint.h>

#include "frame.h"
#include "port.h"
#include "sl_learner.h"
#include "storage.h"

#ifdef SL_HAS_BACKBONE
#include "sl_backbone.h"
#define RAW_INPUTS SL_BACKBONE_INPUTS
#else
#define RAW_INPUTS SL_N_FEATURES
#endif

#define FEATURE_BYTES     (4u * (uint32_t)(RAW_INPUTS))
#define LEARN_BYTES       (FEATURE_BYTES + SL_TARGET_BYTES)
#define STATE_CHUNK_BYTES 260u /* WRITE_STATE: an offset and 256 bytes, whatever the network */
#define LARGER_BYTES      (LEARN_BYTES > STATE_CHUNK_BYTES ? LEARN_BYTES : STATE_CHUNK_BYTES)
#define SL_ASK_UP_MAX     (1 << 20) /* of ASK: the width of its threshold's range, Q.16 */
#define MAX_PAYLOAD_BYTES ((LARGER_BYTES + 3u) & ~3u)
#define FRAME_BYTES       (SL_FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES + SL_FRAME_CRC_BYTES)

#if (4 * (RAW_INPUTS) + 4) > 65532
#error "a sample is too large for a frame: its length field has 16 bits"
#endif
#if (SL_N_CLASSES) > 65536
#error "SL_N_CLASSES is too large for a frame: a label has 16 bits"
#endif

/* All the RAM this program owns, by name, so that the build can say what is how large. */
static sl_state_t sl_state;
static sl_scratch_t sl_scratch;
static uint32_t sl_frame_words[FRAME_BYTES / 4u];

/* The answer to the latest request that changed something: the same request again, by a host that
 * did not hear it, is answered with it and not done twice. */
static struct {
    uint32_t crc; /* of the request: it covers type, sequence number and payload */
    uint32_t is_kept;
    uint32_t length;
    uint32_t words[SL_PREDICTION_WORDS];
    uint8_t status;
} answered;

/* What HELLO answers. The host reads the same words out of the ELF before it boots it. */
extern const uint32_t sl_link_facts[6];
__attribute__((used)) const uint32_t sl_link_facts[6] = {SL_FRAME_VERSION,
                                                         RAW_INPUTS,
                                                         SL_N_CLASSES,
                                                         (uint32_t)sizeof(sl_state_t),
                                                         (uint32_t)sizeof(sl_scratch_t),
                                                         MAX_PAYLOAD_BYTES};

#ifdef SL_HAS_BACKBONE
_Static_assert(SL_BACKBONE_FEATURES == SL_N_FEATURES, "a backbone of another learner");
static sl_backbone_scratch_t sl_backbone_scratch;
static uint32_t sl_features[SL_N_FEATURES];

/* The learner's features of raw values. If one is NaN or infinite the learner is given NaN, which
 * it refuses. */
static const uint32_t *features_of(const uint32_t *raw) {
    if (sl_backbone(&sl_backbone_scratch, raw, sl_features) != 0) {
        sl_features[0] = 0x7FC00000u;
    }
    return sl_features;
}
#else
static const uint32_t *features_of(const uint32_t *raw) {
    return raw;
}
#endif

static uint32_t u16_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8);
}

static uint32_t u32_at(const uint8_t *bytes) {
    return u16_at(bytes) | (u16_at(bytes + 2) << 16);
}

static void reply(const sl_frame_t *frame, uint8_t status, const void *payload, uint32_t length) {
    if (length <= sizeof answered.words) { /* longer ones change nothing, and are never kept */
        answered.status = status;
        answered.length = length;
        for (uint32_t i = 0; i < length / 4u; i++) {
            answered.words[i] = ((const uint32_t *)payload)[i];
        }
    }
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

static void handle_write_state(const sl_frame_t *frame, uint32_t length) {
    uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    static const uint8_t outcome[] = {SL_STATUS_OK, SL_STATUS_NOT_STORED, SL_STATUS_OUT_OF_ORDER};
    if (in_state(words[0], length - 4u)) {
        reply_status(frame, outcome[sl_storage_stage(words[0], words + 1, length - 4u)]);
    } else {
        reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    }
}

static void handle_adopt(const sl_frame_t *frame, uint32_t crc) {
    static const uint8_t outcome[] = {SL_STATUS_OK, SL_STATUS_NOT_STORED, SL_STATUS_OUT_OF_ORDER,
                                      SL_STATUS_STATE_DAMAGED, SL_STATUS_STATE_REFUSED};
    reply_status(frame, outcome[sl_storage_adopt(crc, &sl_state)]);
}

static void handle_commit(const sl_frame_t *frame) {
#if SL_COMMIT_NEVER
    reply_status(frame, SL_STATUS_NOT_STORED);
#else
    reply_status(frame, sl_storage_commit(&sl_state) == 0u ? SL_STATUS_OK : SL_STATUS_NOT_STORED);
#endif
}

#ifdef SL_HAS_ASK
/* The class, and in the highest bit whether its label is worth asking for. */
static void handle_ask(const sl_frame_t *frame, const uint32_t *words) {
    static int32_t fallen;
    const int32_t result = sl_learner_predict(&sl_state, &sl_scratch, features_of(words));
    const int32_t up = (int32_t)words[RAW_INPUTS];
    if (result < 0) {
        reply_result(frame, result);
    } else if (up < 0 || up > SL_ASK_UP_MAX) {
        reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    } else {
        const uint32_t asks = sl_learner_asks(&sl_state, &sl_scratch, up, &fallen);
        const uint32_t word = (uint32_t)result | asks << 31;
        reply(frame, SL_STATUS_OK, &word, sizeof word);
    }
}
#endif

static void handle_learn(const sl_frame_t *frame, const uint32_t *words) {
    const uint8_t *tail = (const uint8_t *)words + FEATURE_BYTES;
    const uint32_t target = SL_TARGET_BYTES == 4u ? u32_at(tail) : u16_at(tail);
    const int32_t result = sl_learner_learn(&sl_state, &sl_scratch, features_of(words), target);
#if SL_COMMIT_EVERY
    static uint32_t learned;
    if (result >= 0 && ++learned % SL_COMMIT_EVERY == 0u) {
        (void)sl_storage_commit(&sl_state); /* before the answer; STORED counts what fails */
    }
#endif
    reply_result(frame, result);
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
            reply_result(frame, sl_learner_predict(&sl_state, &sl_scratch, features_of(words)));
            return;
        }
        break;
#ifdef SL_HAS_PREDICT_MEAN
    case SL_TYPE_PREDICT_MEAN:
        if (length == FEATURE_BYTES) {
            reply_result(frame,
                         sl_learner_predict_mean(&sl_state, &sl_scratch, features_of(words)));
            return;
        }
        break;
#endif
#ifdef SL_HAS_RECALL
    case SL_TYPE_RECALL:
        if (length == FEATURE_BYTES) {
            reply_result(frame, sl_learner_recall(&sl_state, &sl_scratch, features_of(words)));
            return;
        }
        break;
#endif
#ifdef SL_SPIKING
    case SL_TYPE_ADVANCE:
        if (length == FEATURE_BYTES) {
            reply_result(frame, sl_learner_advance(&sl_state, &sl_scratch, features_of(words)));
            return;
        }
        break;
    case SL_TYPE_RESET:
        if (length == 0u) {
            sl_learner_reset(&sl_state);
            reply_status(frame, SL_STATUS_OK);
            return;
        }
        break;
#endif
#ifdef SL_HAS_ASK
    case SL_TYPE_ASK:
        if (length == FEATURE_BYTES + 4u) {
            handle_ask(frame, words);
            return;
        }
        break;
#endif
    case SL_TYPE_LEARN:
        if (length == LEARN_BYTES) {
            handle_learn(frame, words);
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
            handle_write_state(frame, length);
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
    case SL_TYPE_COMMIT:
        if (length == 0u) {
            handle_commit(frame);
            return;
        }
        break;
    case SL_TYPE_STORED:
        if (length == 0u) {
            reply(frame, SL_STATUS_OK, &sl_storage, sizeof sl_storage);
            return;
        }
        break;
    case SL_TYPE_IDENTITY:
        if (length == 0u) {
            uint32_t id[2];
            sl_port_unique_id(id);
            reply(frame, SL_STATUS_OK, id, sizeof id);
            return;
        }
        break;
    case SL_TYPE_ADOPT:
        if (length == 4u) {
            handle_adopt(frame, words[0]);
            return;
        }
        break;
    default:
        status = SL_STATUS_UNKNOWN_TYPE;
        break;
    }
    reply_status(frame, status);
}

/* Does a request, or answers again what it did when the same one came just before. */
static void serve(const sl_frame_t *frame) {
    const uint8_t *end =
        (const uint8_t *)frame->words + SL_FRAME_HEADER_BYTES + sl_frame_length(frame);
    const uint32_t crc = u32_at(end);
    if (answered.is_kept != 0u && answered.crc == crc) {
        sl_frame_send(sl_frame_type(frame) | SL_FRAME_REPLY, sl_frame_sequence(frame),
                      answered.status, (const uint8_t *)answered.words, answered.length);
        return;
    }
    const uint8_t type = sl_frame_type(frame);
    answered.crc = crc;
    answered.is_kept = type == SL_TYPE_LEARN || type == SL_TYPE_ASK || type == SL_TYPE_COMMIT ||
                       type == SL_TYPE_ADOPT || type == SL_TYPE_WRITE_STATE;
#ifdef SL_SPIKING
    answered.is_kept |= type == SL_TYPE_ADVANCE || type == SL_TYPE_RESET;
#endif
    handle(frame);
}

int main(void) {
    static sl_frame_t frame;
    frame.words = sl_frame_words;
    frame.capacity_bytes = sizeof sl_frame_words;
    sl_port_start();
#if SL_WATCHDOG
    sl_port_watchdog();
#endif
    sl_storage_boot(&sl_state);
    for (;;) {
        const uint8_t status = sl_frame_receive(&frame);
        if (status == SL_STATUS_OK) {
            serve(&frame);
        } else {
            /* What was answered last stays kept: only the line was bad. */
            sl_frame_send(sl_frame_type(&frame) | SL_FRAME_REPLY, sl_frame_sequence(&frame), status,
                          0, 0u);
        }
#if SL_WATCHDOG
        sl_port_watchdog();
#endif
    }
}
