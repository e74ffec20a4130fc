/* What each request of the link does. */
#include "requests.h"

#include "lock.h"
#include "log.h"
#include "port.h"
#include "storage.h"

#define SL_ASK_UP_MAX (1 << 20) /* of ASK: the width of its threshold's range, Q.16 */

void sl_reply_result(const sl_frame_t *frame, int32_t result) {
    if (result >= 0) {
        sl_reply(frame, SL_STATUS_OK, SL_PREDICTION(&sl_scratch, &result),
                 4u * SL_PREDICTION_WORDS);
    } else if (result == SL_ERR_NOT_FINITE) {
        sl_reply_status(frame, SL_STATUS_NOT_FINITE);
    } else if (result == SL_ERR_LABEL) {
        sl_reply_status(frame, SL_STATUS_UNKNOWN_LABEL);
    } else {
        sl_reply(frame, SL_STATUS_LEARNER_ERROR, &result, 4u);
    }
}

/* Whether bytes [offset, offset + size) lie inside the state. */
static int in_state(uint32_t offset, uint32_t size) {
    return offset <= sizeof sl_state && size <= sizeof sl_state - offset;
}

static void handle_read_state(const sl_frame_t *frame, const uint8_t *payload) {
    const uint32_t offset = u32_at(payload);
    const uint32_t size = u16_at(payload + 4);
    if (in_state(offset, size) && size <= 0xFFFFu - SL_SEAL_BYTES) {
        sl_reply(frame, SL_STATUS_OK, (const uint8_t *)&sl_state + offset, size);
    } else {
        sl_reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    }
}

static void handle_write_state(const sl_frame_t *frame, uint32_t length) {
    uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    static const uint8_t outcome[] = {SL_STATUS_OK, SL_STATUS_NOT_STORED, SL_STATUS_OUT_OF_ORDER};
    if (in_state(words[0], length - 4u)) {
        sl_reply_status(frame, outcome[sl_storage_stage(words[0], words + 1, length - 4u)]);
    } else {
        sl_reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    }
}

static void handle_adopt(const sl_frame_t *frame, uint32_t crc) {
    static const uint8_t outcome[] = {SL_STATUS_OK, SL_STATUS_NOT_STORED, SL_STATUS_OUT_OF_ORDER,
                                      SL_STATUS_STATE_DAMAGED, SL_STATUS_STATE_REFUSED};
    sl_reply_status(frame, outcome[sl_storage_adopt(crc, &sl_state)]);
}

static void handle_commit(const sl_frame_t *frame) {
#if SL_COMMIT_NEVER
    sl_reply_status(frame, SL_STATUS_NOT_STORED);
#else
    sl_reply_status(frame,
                    sl_storage_commit(&sl_state) == 0u ? SL_STATUS_OK : SL_STATUS_NOT_STORED);
#endif
}

#ifdef SL_HAS_ASK
/* The class, and in the highest bit whether its label is worth asking for. */
static void handle_ask(const sl_frame_t *frame, const uint32_t *words) {
    static sl_asking_t asking;
    const int32_t result = sl_learner_predict(&sl_state, &sl_scratch, sl_raw_features(words));
    const int32_t up = (int32_t)words[SL_RAW_INPUTS];
    if (result < 0) {
        sl_reply_result(frame, result);
    } else if (up < 0 || up > SL_ASK_UP_MAX) {
        sl_reply_status(frame, SL_STATUS_OUT_OF_RANGE);
    } else {
        const uint32_t asks = sl_learner_asks(&sl_state, &sl_scratch, up, &asking);
        const uint32_t word = (uint32_t)result | asks << 31;
        sl_reply(frame, SL_STATUS_OK, &word, sizeof word);
    }
}
#endif

static void handle_learn(const sl_frame_t *frame, const uint32_t *words) {
    sl_log_room();
    const int32_t result =
        sl_learner_learn(&sl_state, &sl_scratch, sl_raw_features(words), sl_target_of(words));
    if (result >= 0) {
        sl_log_append(words);
#ifdef SL_HAS_STAGES
        sl_stages_take(words);
#endif
    }
#if SL_COMMIT_EVERY
    static uint32_t learned;
    if (result >= 0 && ++learned % SL_COMMIT_EVERY == 0u) {
        (void)sl_storage_commit(&sl_state); /* before the answer; STORED counts what fails */
    }
#endif
    sl_reply_result(frame, result);
}

void sl_request_handle(const sl_frame_t *frame) {
    const uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    const uint8_t *payload = (const uint8_t *)words;
    const uint32_t length = sl_frame_length(frame);
    uint8_t status = SL_STATUS_WRONG_LENGTH;
#ifdef SL_HAS_STAGES
    const uint8_t between = sl_stages_between(frame);
    if (between != SL_DONE) {
        sl_reply_status(frame, between);
        return;
    }
#endif
    switch (sl_frame_type(frame)) {
    case SL_TYPE_HELLO:
        if (length == 0u) {
            sl_reply(frame, SL_STATUS_OK, sl_link_facts, sizeof sl_link_facts);
            return;
        }
        break;
    case SL_TYPE_PREDICT:
        if (length == FEATURE_BYTES) {
            sl_reply_result(frame,
                            sl_learner_predict(&sl_state, &sl_scratch, sl_raw_features(words)));
            return;
        }
        break;
#ifdef SL_HAS_PREDICT_MEAN
    case SL_TYPE_PREDICT_MEAN:
        if (length == FEATURE_BYTES) {
            sl_reply_result(
                frame, sl_learner_predict_mean(&sl_state, &sl_scratch, sl_raw_features(words)));
            return;
        }
        break;
#endif
#ifdef SL_HAS_RECALL
    case SL_TYPE_RECALL:
        if (length == FEATURE_BYTES) {
            sl_reply_result(frame,
                            sl_learner_recall(&sl_state, &sl_scratch, sl_raw_features(words)));
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
            sl_reply(frame, SL_STATUS_OK, health, sizeof health);
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
            sl_reply(frame, SL_STATUS_OK, &sl_storage, sizeof sl_storage);
            return;
        }
        break;
    case SL_TYPE_IDENTITY:
        if (length == 0u) {
            uint32_t id[2];
            sl_port_unique_id(id);
            sl_reply(frame, SL_STATUS_OK, id, sizeof id);
            return;
        }
        break;
    case SL_TYPE_ADOPT:
        if (length == 4u) {
            handle_adopt(frame, words[0]);
            return;
        }
        break;
    case SL_TYPE_LOG:
        status = sl_log_read(frame);
        break;
    case SL_TYPE_SESSION:
        status = sl_lock_begin(frame);
        break;
    default:
        status = sl_request_of_kind(frame);
        break;
    }
    if (status != SL_DONE) {
        sl_reply_status(frame, status);
    }
}
