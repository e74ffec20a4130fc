/* A bank of filters: samples in, log2 energies of a frame's bands out. Golden model:
 * quant/stages/bank/golden.py; NUMBERS.md beside it. */
#pragma once

#include <stdint.h>

#include "sl_stages_config.h"

/* waiting: samples until a frame ends, that one included; at: where the next sample goes; sample:
 * the last ones, binary32 patterns. */
typedef struct {
    uint32_t waiting, at;
    uint32_t sample[SL_BANK_N * SL_BANK_CHANNELS];
} sl_bank_state_t;

typedef struct {
    int32_t re, im;
} sl_part_t;

enum { SL_BANK_HALF = SL_BANK_SIZE / 2 };

/* A spectrum of one channel on its way from one place to the other; and its powers. */
typedef struct {
    union {
        int32_t point[SL_BANK_SIZE]; /* real points: two of them are a complex one */
        sl_part_t part[SL_BANK_HALF];
        uint32_t power[SL_BANK_HALF + 1];
    } of[2];
} sl_bank_scratch_t;

/* A recording begins: no frame holds samples of two. */
void sl_bank_reset(sl_bank_state_t *state);

/* x_bits: SL_BANK_CHANNELS finite values as binary32 bit patterns. Returns 1 if this sample ends a
 * frame, whose SL_BANK_FEATURES features are then written as binary32; 0 if it ends none. */
int32_t sl_bank_look(const sl_bank_state_t *state, sl_bank_scratch_t *scratch,
                     const uint32_t *x_bits, uint32_t *feature_bits);

/* The sample is one of the frame's from now on. */
void sl_bank_push(sl_bank_state_t *state, const sl_bank_scratch_t *scratch, const uint32_t *x_bits);
