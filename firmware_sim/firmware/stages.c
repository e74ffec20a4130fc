/* A learner behind stages: raw samples of a signal come at their own rate, and the learner sees
 * what the last stage says each time it says something. Stages lie in RAM: after a reset they begin
 * anew, for what came before was another recording. */
#include "sl_stages.h"
#include "requests.h"
#include "sl_head.h"

_Static_assert(SL_STAGES_FEATURES == SL_N_FEATURES, "stages of another learner");

static sl_stages_state_t sl_stages;
static sl_stages_scratch_t sl_stages_scratch;
static uint32_t sl_begun;

const uint32_t *sl_raw_features(const uint32_t *raw) {
    (void)raw; /* sl_stages_between saw it */
    return sl_stages_features(&sl_stages_scratch);
}

void sl_stages_take(const uint32_t *raw) {
    sl_stages_push(&sl_stages, &sl_stages_scratch, raw);
}

/* A sample with which no features come: to learn it is to take it. */
static uint8_t without(uint8_t type, const uint32_t *words) {
    if (type == SL_TYPE_LEARN && sl_head_check_target(sl_target_of(words)) < 0) {
        return SL_STATUS_UNKNOWN_LABEL;
    }
    if (type == SL_TYPE_LEARN || type == SL_TYPE_ADVANCE) {
        sl_stages_take(words);
    }
    return SL_STATUS_NO_FEATURES;
}

uint8_t sl_stages_between(const sl_frame_t *frame) {
    const uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    const uint8_t type = sl_frame_type(frame);
    uint32_t bytes = FEATURE_BYTES;
    int32_t found;
    if (sl_begun == 0u) { /* the first request since the reset */
        sl_stages_reset(&sl_stages);
        sl_begun = 1u;
    }
    switch (type) {
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
    if (sl_frame_length(frame) != bytes) {
        return SL_DONE;
    }
    found = sl_stages_look(&sl_stages, &sl_stages_scratch, words);
    if (found < 0) {
        return SL_STATUS_NOT_FINITE;
    }
    return found > 0 ? SL_DONE : without(type, words);
}

uint8_t sl_request_of_kind(const sl_frame_t *frame) {
    const uint32_t *words = frame->words + SL_FRAME_HEADER_BYTES / 4u;
    const uint32_t length = sl_frame_length(frame);
    if (sl_frame_type(frame) == SL_TYPE_ADVANCE && length == FEATURE_BYTES) {
        const int32_t result = sl_learner_advance(&sl_state, &sl_scratch, sl_raw_features(words));
        if (result >= 0) {
            sl_stages_take(words);
        }
        sl_reply_result(frame, result);
        return SL_DONE;
    }
    if (sl_frame_type(frame) == SL_TYPE_RESET && length == 0u) {
        sl_stages_reset(&sl_stages);
        sl_learner_reset(&sl_state);
        return SL_STATUS_OK;
    }
    return sl_frame_type(frame) == SL_TYPE_ADVANCE || sl_frame_type(frame) == SL_TYPE_RESET
               ? SL_STATUS_WRONG_LENGTH
               : SL_STATUS_UNKNOWN_TYPE;
}
