/* A slot holds one record, in blocks of SL_PORT_BLOCK bytes:
 *
 *     learner | sequence | length | 0 | the state | padding | CRC-32 | WHOLE
 *
 * The block that is written last ends with the CRC of everything before it, so a record that was
 * cut is seen. Sequence numbers grow by one with each save. */
#include "sl_store.h"

#include "sl_model_sizes.h"
#include "sl_port.h"

#define HEAD_BYTES  16u
#define TAIL_BYTES  8u
#define BLOCK_WORDS (SL_PORT_BLOCK / 4u)
#define WHOLE       0x5A17E57Du

static uint32_t block[BLOCK_WORDS];
static uint32_t newest; /* sequence number; 0: none is whole */
static uint32_t newest_slot;

static uint32_t crc32(uint32_t crc, const void *from, uint32_t size) {
    const uint8_t *bytes = (const uint8_t *)from;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (uint32_t k = 0; k < 8u; k++) {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    return crc;
}

static uint32_t record_bytes(uint32_t size) {
    const uint32_t needed = HEAD_BYTES + size + TAIL_BYTES;
    return (needed + SL_PORT_BLOCK - 1u) / SL_PORT_BLOCK * SL_PORT_BLOCK;
}

/* The part of a block that belongs to the state: from `first` on in the state. */
static uint32_t part(uint32_t at, uint32_t size, uint32_t *first, uint32_t *place) {
    *place = at == 0u ? HEAD_BYTES : 0u;
    *first = at == 0u ? 0u : at - HEAD_BYTES;
    const uint32_t room = SL_PORT_BLOCK - *place;
    const uint32_t left = *first < size ? size - *first : 0u;
    return left < room ? left : room;
}

/* Reads a slot's record, into `state` if there is one. Returns its sequence number; 0: none. */
static uint32_t read_slot(uint32_t slot, void *state, uint32_t size) {
    const uint32_t bytes = record_bytes(size);
    uint32_t crc = 0xFFFFFFFFu, sequence = 0;
    for (uint32_t at = 0; at < bytes; at += SL_PORT_BLOCK) {
        uint32_t first, place;
        if (sl_port_read(slot, at, block, SL_PORT_BLOCK) != 0) {
            return 0;
        }
        if (at == 0u) {
            sequence = block[1];
            if (block[0] != SL_MODEL_ID || block[2] != size) {
                return 0;
            }
        }
        const uint32_t count = part(at, size, &first, &place);
        if (state != 0 && count > 0u) {
            __builtin_memcpy((uint8_t *)state + first, (const uint8_t *)block + place, count);
        }
        const uint32_t is_last = at + SL_PORT_BLOCK == bytes;
        crc = crc32(crc, block, SL_PORT_BLOCK - (is_last ? TAIL_BYTES : 0u));
    }
    return block[BLOCK_WORDS - 2u] == ~crc && block[BLOCK_WORDS - 1u] == WHOLE ? sequence : 0;
}

int32_t sl_store_load(void *state, uint32_t size) {
    const uint32_t found[2] = {read_slot(0u, 0, size), read_slot(1u, 0, size)};
    newest_slot = found[1] > found[0];
    newest = found[newest_slot];
    return newest != 0u && read_slot(newest_slot, state, size) == newest ? 0 : 1;
}

int32_t sl_store_save(const void *state, uint32_t size) {
    const uint32_t slot = newest == 0u ? 0u : 1u - newest_slot, bytes = record_bytes(size);
    uint32_t crc = 0xFFFFFFFFu;
    if (bytes > SL_PORT_SLOT_BYTES || sl_port_erase(slot) != 0) {
        return 1;
    }
    for (uint32_t at = 0; at < bytes; at += SL_PORT_BLOCK) {
        uint32_t first, place;
        const uint32_t count = part(at, size, &first, &place);
        for (uint32_t i = 0; i < BLOCK_WORDS; i++) {
            block[i] = 0;
        }
        if (at == 0u) {
            block[0] = SL_MODEL_ID;
            block[1] = newest + 1u;
            block[2] = size;
        }
        if (count > 0u) {
            __builtin_memcpy((uint8_t *)block + place, (const uint8_t *)state + first, count);
        }
        if (at + SL_PORT_BLOCK == bytes) {
            block[BLOCK_WORDS - 2u] = ~crc32(crc, block, SL_PORT_BLOCK - TAIL_BYTES);
            block[BLOCK_WORDS - 1u] = WHOLE;
        } else {
            crc = crc32(crc, block, SL_PORT_BLOCK);
        }
        if (sl_port_program(slot, at, block, SL_PORT_BLOCK) != 0) {
            return 1;
        }
    }
    if (read_slot(slot, 0, size) != newest + 1u) {
        return 1;
    }
    newest++;
    newest_slot = slot;
    return 0;
}
