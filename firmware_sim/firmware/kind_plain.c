/* A network that does not spike has no requests of its own. */
#include "requests.h"

uint8_t sl_request_of_kind(const sl_frame_t *frame) {
    (void)frame;
    return SL_STATUS_UNKNOWN_TYPE;
}
