/* A learner behind a window of a signal: raw samples come at their own rate, and the learner sees
 * what a window says each time one ends. The window lies in RAM: after a reset it is empty, for
 * what came before was another recording. */
#include "sl_window.h"
#include "requests.h"
#include "sl_head.h"

_Static_assert(SL_WINDOW_FEATURES == SL_N_FEATURES, "a window of another learner");

static sl_window_state_t sl_window;
static sl_window_scratch_t sl_window_scratch;
static uint32_t sl_features[SL_N_FEATURES];

/* Of NaN or infinity the learner is given NaN, which it refuses. */
const uint32_t *sl_raw_features(const uint32_t *raw) {
    if (sl_window_look(&sl_window, &sl_window_scratch, raw, sl_features) < 0) {
        sl_features[0] = 0x7FC00000u;
    }
    return sl_features;
}

void sl_window_take(const uint32_t *raw) {
    sl_window_push(&sl_window, raw);
}

static uint32_t finite(const uint32_t *raw) {
    uint32_t good = 1;
    for (uint32_t i = 0; i < SL_RAW_INPUTS; i++) {
        good &= (raw[i] & 0x7F800000u) != 0x7F800000u;
    }
    return good;
}

/* A sample that ends no window: to learn it is to take it. */
static uint8_t between(const sl_frame_t *frame, const uint32_t *words) {
    const uint8_t type = sl_frame_type(frame);
    if (finite(words) == 0u) {
        return SL_STATUS_NOT_FINITE;
    }
    if (type == SL_TYPE_LEARN && sl_head_check_target(sl_target_of(words)) < 0) {
        return SL_STATUS_UNKNOWN_LABEL;
    }
    if (type == SL_TYPE_LEARN || type == SL_TYPE_ADVANCE) {
        sl_window_take(words);
    }
    return SL_STATUS_NO_WINDOW;
}

uint8_t sl_window_between(const sl_frame_t *frame) {
    const uint32_t length = sl_frame_length(frame);
    uint32_t bytes = FEATURE_BYTES;
    if (sl_window.waiting == 0u) { /* the first request since the reset */
        sl_window_reset(&sl_window);
    }
    switch (sl_frame_type(frame)) {
    case SL_TYPE_LEARN:
        bytes = LEARN_BYTES;
        break;
    case SL_TYPE_ASK:
        bytes += 4u;
        break;
    case SL_TYPE_PREDICT:
    case SL_TYPE_PREDICT_MEAN:
    case SL_TYPE_RECALL:
    case SL_TYPE_ADVANCE:
        break;
    default:
        return SL_DONE;
    }
    return length == bytes && sl_window.waiting != 1u
               ? between(frame, frame->words + SL_FRAME_HEADER_BYTES / 4u)
               : SL_DONE;
}

uint8_t sl_request_of_kind(const sl_frame_t *frame) {
    const uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    const uint32_t length = sl_frame_length(frame);
    if (sl_frame_type(frame) == SL_TYPE_ADVANCE && length == FEATURE_BYTES) {
        const int32_t result = sl_learner_predict(&sl_state, &sl_scratch, sl_raw_features(words));
        if (result >= 0) {
            sl_window_take(words);
        }
        sl_reply_result(frame, result);
        return SL_DONE;
    }
    if (sl_frame_type(frame) == SL_TYPE_RESET && length == 0u) {
        sl_window_reset(&sl_window);
        return SL_STATUS_OK;
    }
    return sl_frame_type(frame) == SL_TYPE_ADVANCE || sl_frame_type(frame) == SL_TYPE_RESET
               ? SL_STATUS_WRONG_LENGTH
               : SL_STATUS_UNKNOWN_TYPE;
}
