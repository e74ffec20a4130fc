/* Frames in and out: synchronisation, CRC-32, resynchronisation after damage. */
#include "frame.h"

#include "lock.h"
#include "port.h"

#define SYNC_0 0xA5u
#define SYNC_1 0x5Au

/* CRC-32 (reflected 0xEDB88320) of the sixteen nibbles: 64 bytes of flash instead of 1 KB. */
static const uint32_t crc_nibble[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                        0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                        0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};

uint32_t sl_crc32(uint32_t crc, const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ crc_nibble[crc & 15u];
        crc = (crc >> 4) ^ crc_nibble[crc & 15u];
    }
    return crc;
}

static uint8_t *bytes_of(const sl_frame_t *frame) {
    return (uint8_t *)frame->words;
}

uint8_t sl_frame_type(const sl_frame_t *frame) {
    return bytes_of(frame)[3];
}

uint8_t sl_frame_sequence(const sl_frame_t *frame) {
    return bytes_of(frame)[4];
}

uint32_t sl_frame_length(const sl_frame_t *frame) {
    const uint8_t *bytes = bytes_of(frame);
    return (uint32_t)bytes[6] | ((uint32_t)bytes[7] << 8);
}

static void drop(sl_frame_t *frame, uint32_t count) {
    uint8_t *bytes = bytes_of(frame);
    frame->used_bytes -= count; /* count is what was received and looked at */
    /*@ assert frame->used_bytes <= frame->capacity_bytes; */
    for (uint32_t i = 0; i < frame->used_bytes; i++) {
        bytes[i] = bytes[i + count];
    }
}

/* Waits for one byte. In the middle of a frame it gives up after SL_FRAME_TICKS of silence. */
static int32_t next_byte(uint32_t in_frame) {
    uint32_t patience = SL_FRAME_TICKS;
    for (;;) {
        const int32_t byte = sl_port_read();
        if (byte >= 0) {
            return byte;
        }
        sl_port_tick(in_frame | SL_WATCHDOG);
        sl_port_sleep();
        if (sl_port_ticked() != 0u) {
#if SL_WATCHDOG
            sl_port_watchdog();
#endif
            if (in_frame != 0u && --patience == 0u) {
                return -1;
            }
        }
    }
}

/* Reads until so many bytes are there. Returns 0 if the rest did not come: all is dropped. */
static uint32_t fill(sl_frame_t *frame, uint32_t wanted) {
    uint8_t *bytes = bytes_of(frame);
    while (frame->used_bytes < wanted) {
        const int32_t byte = next_byte(frame->used_bytes != 0u);
        if (byte < 0) {
            frame->used_bytes = 0u;
            return 0u;
        }
        bytes[frame->used_bytes] = (uint8_t)byte;
        frame->used_bytes++;
    }
    return 1u;
}

/* Bytes in front of the first place where a frame could start. */
static uint32_t garbage_bytes(const sl_frame_t *frame) {
    const uint8_t *bytes = bytes_of(frame);
    for (uint32_t i = 0; i < frame->used_bytes; i++) {
        if (bytes[i] == SYNC_0 && (i + 1u == frame->used_bytes || bytes[i + 1u] == SYNC_1)) {
            return i;
        }
    }
    return frame->used_bytes;
}

uint8_t sl_frame_receive(sl_frame_t *frame) {
    const uint8_t *bytes = bytes_of(frame);
    drop(frame, frame->consumed_bytes);
    frame->consumed_bytes = 2u; /* after an error: only the sync bytes */
    for (;;) {
        const uint32_t garbage = garbage_bytes(frame);
        if (garbage > 0u) {
            drop(frame, garbage);
        }
        if (frame->used_bytes < 2u) {
            (void)fill(frame, frame->used_bytes + 1u);
            continue;
        }
        if (fill(frame, SL_FRAME_HEADER_BYTES) == 0u) {
            continue;
        }
        if (bytes[2] != SL_FRAME_VERSION) {
            return SL_STATUS_BAD_VERSION;
        }
        const uint32_t length = sl_frame_length(frame);
        if (length > frame->capacity_bytes - SL_FRAME_HEADER_BYTES - SL_FRAME_CRC_BYTES) {
            return SL_STATUS_TOO_LONG;
        }
        const uint32_t covered = SL_FRAME_HEADER_BYTES + length;
        if (fill(frame, covered + SL_FRAME_CRC_BYTES) == 0u) {
            continue;
        }
        uint32_t crc = ~sl_crc32(0xFFFFFFFFu, bytes + 2, covered - 2u);
        for (uint32_t i = 0; i < SL_FRAME_CRC_BYTES; i++) {
            if (bytes[covered + i] != (uint8_t)crc) {
                return SL_STATUS_BAD_CRC;
            }
            crc >>= 8;
        }
        frame->consumed_bytes = covered + SL_FRAME_CRC_BYTES;
        return SL_STATUS_OK;
    }
}

static void write_block(const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        sl_port_write(bytes[i]);
    }
}

void sl_frame_send(uint8_t type, uint8_t sequence, uint8_t status, const uint8_t *payload,
                   uint32_t length) {
    const uint32_t extra = sl_lock_extra();
    const uint32_t all = length + extra;
    const uint8_t header[SL_FRAME_HEADER_BYTES] = {
        SYNC_0,   SYNC_1, SL_FRAME_VERSION, type,
        sequence, status, (uint8_t)all,     (uint8_t)(all >> 8)};
    uint32_t crc = sl_crc32(0xFFFFFFFFu, header + 2, SL_FRAME_HEADER_BYTES - 2u);
    crc = sl_crc32(crc, payload, length);
    const uint8_t *seal = payload;
    if (extra != 0u) {
        seal = sl_lock_seal(header + 2, payload, length);
        crc = sl_crc32(crc, seal, extra);
    }
    crc = ~crc;
    write_block(header, SL_FRAME_HEADER_BYTES);
    write_block(payload, length);
    if (extra != 0u) {
        write_block(seal, extra);
    }
    for (uint32_t i = 0; i < SL_FRAME_CRC_BYTES; i++) {
        sl_port_write((uint8_t)crc);
        crc >>= 8;
    }
}
