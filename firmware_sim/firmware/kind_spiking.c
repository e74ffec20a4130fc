/* The requests that a spiking network has besides: time passes, a recording begins. */
#include "requests.h"

uint8_t sl_request_of_kind(const sl_frame_t *frame) {
    const uint32_t length = sl_frame_length(frame);
    switch (sl_frame_type(frame)) {
    case SL_TYPE_ADVANCE:
        if (length != FEATURE_BYTES) {
            return SL_STATUS_WRONG_LENGTH;
        }
        sl_reply_result(
            frame, sl_learner_advance(&sl_state, &sl_scratch,
                                      sl_raw_features(frame->words + SL_FRAME_HEADER_BYTES / 4u)));
        return SL_DONE;
    case SL_TYPE_RESET:
        if (length != 0u) {
            return SL_STATUS_WRONG_LENGTH;
        }
        sl_learner_reset(&sl_state);
        return SL_STATUS_OK;
    default:
        return SL_STATUS_UNKNOWN_TYPE;
    }
}
