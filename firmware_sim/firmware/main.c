/* The device's program: wait for a request, predict or learn, answer. */
#include <stdint.h>

#include "frame.h"
#include "lock.h"
#include "log.h"
#include "port.h"
#include "requests.h"
#include "storage.h"

#define LARGER_BYTES      (LEARN_BYTES > STATE_CHUNK_BYTES ? LEARN_BYTES : STATE_CHUNK_BYTES)
#define MAX_PAYLOAD_BYTES ((LARGER_BYTES + SL_SEAL_BYTES + 3u) & ~3u)
#define FRAME_BYTES       (SL_FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES + SL_FRAME_CRC_BYTES)

/* Requests that change something: done once, however often they come. */
#define CHANGING                                                                                   \
    (1u << SL_TYPE_LEARN | 1u << SL_TYPE_ASK | 1u << SL_TYPE_ADVANCE | 1u << SL_TYPE_RESET |       \
     1u << SL_TYPE_COMMIT | 1u << SL_TYPE_ADOPT | 1u << SL_TYPE_WRITE_STATE)

#if (4 * (SL_RAW_INPUTS) + 4) > 65532
#error "a sample is too large for a frame: its length field has 16 bits"
#endif
#if (SL_N_CLASSES) > 65536
#error "SL_N_CLASSES is too large for a frame: a label has 16 bits"
#endif

/* All the RAM this program owns, by name, so that the build can say what is how large. */
sl_state_t sl_state;
sl_scratch_t sl_scratch;
static uint32_t sl_frame_words[FRAME_BYTES / 4u];

/* The answer to the latest request that changed something: the same request again, by a host that
 * did not hear it, is answered with it and not done twice. */
static struct {
    uint32_t crc; /* of the request: it covers type, sequence number and payload */
    uint32_t is_kept;
    uint32_t length;
    uint32_t words[SL_PREDICTION_WORDS];
    uint8_t status;
#if SL_LOCKED
    uint8_t type; /* a CRC is easily made: the answer to one type is never sealed for another */
#endif
} answered;

__attribute__((used)) const uint32_t sl_link_facts[6] = {SL_FRAME_VERSION,
                                                         SL_RAW_INPUTS,
                                                         SL_N_CLASSES,
                                                         (uint32_t)sizeof(sl_state_t),
                                                         (uint32_t)sizeof(sl_scratch_t),
                                                         MAX_PAYLOAD_BYTES};

void sl_reply(const sl_frame_t *frame, uint8_t status, const void *payload, uint32_t length) {
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

/* Does a request, or answers again what it did when the same one came just before. */
static void serve(const sl_frame_t *frame) {
    const uint8_t *end =
        (const uint8_t *)frame->words + SL_FRAME_HEADER_BYTES + sl_frame_length(frame);
    const uint32_t crc = u32_at(end);
    const uint8_t type = sl_frame_type(frame);
    if (answered.is_kept != 0u && answered.crc == crc
#if SL_LOCKED
        && answered.type == type
#endif
    ) {
        sl_lock_repeat(type);
        sl_frame_send(type | SL_FRAME_REPLY, sl_frame_sequence(frame), answered.status,
                      (const uint8_t *)answered.words, answered.length);
        return;
    }
    const uint8_t admitted = sl_lock_admit(frame);
    if (admitted != SL_STATUS_OK) {
        /* What was answered last stays kept: a request that was refused changed nothing. */
        sl_frame_send(type | SL_FRAME_REPLY, sl_frame_sequence(frame), admitted, 0, 0u);
        return;
    }
    answered.crc = crc;
#if SL_LOCKED
    answered.type = type;
#endif
    answered.is_kept = type < 32u ? CHANGING >> type & 1u : 0u;
    sl_request_handle(frame);
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
    sl_log_boot(sl_frame_words);
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
