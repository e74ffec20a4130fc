/* A row's steps in layer 0 for cores with ARM's DSP extension, two columns in a word. In assembly,
 * for a compiler runs out of registers here: 8 instructions per synapse for a step of mu and 9 for
 * one of rho, where the plain C takes 19 and 45. Where the upper half of a product is wanted one
 * factor is doubled, so that the rounding constant of NUMBERS.md, 2^14, is 2^15 and the dither sits
 * above. */
#pragma once

#include <stdint.h>

#include "sl_assembly.h"

/* A pair of columns: two lanes, and what is added for each before its shift. */
typedef struct {
    uint32_t lanes, low, high;
} sl_pair_t;

/* A row's step. */
typedef struct {
    int32_t factor;  /* twice the row's factor with its sign; only 16 bits of it count */
    uint32_t dither; /* the row's, where a pair has the column's */
    uint32_t right;
    uint32_t *count; /* of the steps of rho that were clamped */
} sl_row_step_t;

#define SL_PAIR_MU                                                                                 \
    "ldr r8, [r2], #4\n"                                                                           \
    "ldm r0!, {r9, r10, r11}\n"                                                                    \
    "lsl r8, r8, #1\n"                                                                             \
    "eor r10, r10, r4\n"                                                                           \
    "eor r11, r11, r4\n"                                                                           \
    "smlabb r12, r3, r9, r7\n"                                                                     \
    "smlabt lr, r3, r9, r7\n"                                                                      \
    "ldr r9, [r1]\n"                                                                               \
    "smlatb r10, r12, r8, r10\n"                                                                   \
    "smlatt r11, lr, r8, r11\n"                                                                    \
    "asr r10, r10, r5\n"                                                                           \
    "asr r11, r11, r5\n"                                                                           \
    "pkhbt r10, r10, r11, lsl #16\n"                                                               \
    "qadd16 r9, r9, r10\n"                                                                         \
    "str r9, [r1], #4\n"

/* mu += rho factor lanes of n pairs, n > 0: 8 instructions per synapse. */
SL_ASSEMBLY void sl_pairs_mu(SL_ARGUMENT const sl_pair_t *pair, SL_ARGUMENT int16_t *mu,
                             SL_ARGUMENT const int16_t *rho, SL_ARGUMENT uint32_t n,
                             SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n"
                   "ldr r12, [sp]\n"
                   "push {r4-r11, lr}\n"
                   "add r6, r1, r3, lsl #2\n"
                   "mov r7, #0x8000\n"
                   "lsls r8, r3, #31\n" /* an odd pair first */
                   "ldm r12, {r3, r4, r5}\n"
                   "bne 2f\n"
                   "1:\n" SL_PAIR_MU "2:\n" SL_PAIR_MU "cmp r1, r6\n"
                   "bne 1b\n"
                   "pop {r4-r11, pc}\n");
}

/* Sets d of the two columns in r10, rho in r8. */
#define SL_PAIR_RHO                                                                                \
    "ldm r0!, {r9, r10, r11}\n"                                                                    \
    "ldr r8, [r1]\n"                                                                               \
    "eor r10, r10, r3\n"                                                                           \
    "eor r11, r11, r3\n"                                                                           \
    "lsl r12, r8, #1\n"                                                                            \
    "smlabb lr, r2, r9, r6\n"                                                                      \
    "smlabt r9, r2, r9, r6\n"                                                                      \
    "smlatb lr, lr, r12, r6\n"                                                                     \
    "smlatt r9, r9, r12, r6\n"                                                                     \
    "smlatb r10, lr, r8, r10\n"                                                                    \
    "smlatt r11, r9, r8, r11\n"                                                                    \
    "asr r10, r10, r4\n"                                                                           \
    "asr r11, r11, r4\n"                                                                           \
    "pkhbt r10, r10, r11, lsl #16\n"

#define SL_PAIR_RHO_SMALL                                                                          \
    SL_PAIR_RHO                                                                                    \
    "sadd16 r8, r8, r10\n"                                                                         \
    "orr r7, r7, r8\n"                                                                             \
    "str r8, [r1], #4\n"

/* rho += d of n pairs, n > 0, where no |d| is above rho/128 + 1: its square is nothing and there is
 * nothing to clamp; 9 instructions per synapse. Returns the OR of what was stored. */
SL_ASSEMBLY uint32_t sl_pairs_rho_small(SL_ARGUMENT const sl_pair_t *pair, SL_ARGUMENT int16_t *rho,
                                        SL_ARGUMENT uint32_t n,
                                        SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n"
                   "push {r4-r11, lr}\n"
                   "add r5, r1, r2, lsl #2\n"
                   "mov r6, #0x8000\n"
                   "mov r7, #0\n"
                   "lsls r8, r2, #31\n"
                   "ldm r3, {r2, r3, r4}\n"
                   "bne 2f\n"
                   "1:\n" SL_PAIR_RHO_SMALL "2:\n" SL_PAIR_RHO_SMALL "cmp r1, r5\n"
                   "bne 1b\n"
                   "mov r0, r7\n"
                   "pop {r4-r11, pc}\n");
}

/* One column of sl_step_rho: d in r9 and rho in r11 become rho's new value in r9. */
#define SL_COLUMN_RHO                                                                              \
    "mov lr, r9\n"                                                                                 \
    "lsr r12, r11, #1\n"                                                                           \
    "rsb r12, r12, #0\n"                                                                           \
    "cmp r9, r12\n"                                                                                \
    "it lt\n"                                                                                      \
    "movlt r9, r12\n"                                                                              \
    "cmp r9, r11\n"                                                                                \
    "it gt\n"                                                                                      \
    "movgt r9, r11\n"                                                                              \
    "cmp r9, lr\n"                                                                                 \
    "ittt ne\n"                                                                                    \
    "ldrne r12, [sp]\n"                                                                            \
    "addne r12, r12, #1\n"                                                                         \
    "strne r12, [sp]\n"                                                                            \
    "mul r12, r9, r9\n"                                                                            \
    "lsl lr, r11, #2\n"                                                                            \
    "udiv r12, r12, lr\n"                                                                          \
    "add r9, r9, r11\n"                                                                            \
    "add r9, r9, r12\n"                                                                            \
    "ssat r9, #16, r9\n"

/* The same whatever d is: 13 instructions per synapse, and 20 more where |d| is above rho/64. */
SL_ASSEMBLY uint32_t sl_pairs_rho(SL_ARGUMENT const sl_pair_t *pair, SL_ARGUMENT int16_t *rho,
                                  SL_ARGUMENT uint32_t n, SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n"
                   "push {r3-r11, lr}\n" /* step */
                   "ldr r12, [r3, #12]\n"
                   "ldr r12, [r12]\n"
                   "push {r12}\n" /* the count */
                   "add r5, r1, r2, lsl #2\n"
                   "mov r6, #0x8000\n"
                   "mov r7, #0\n"
                   "ldm r3, {r2, r3, r4}\n"
                   "1:\n" SL_PAIR_RHO "lsr r9, r8, #6\n"
                   "and r9, r9, #0x00FF00FF\n"
                   "sadd16 r12, r9, r10\n"
                   "ssub16 r9, r9, r10\n"
                   "orr r12, r12, r9\n"
                   "tst r12, #0x80008000\n"
                   "bne 3f\n"
                   "sadd16 r8, r8, r10\n"
                   "2:\n"
                   "orr r7, r7, r8\n"
                   "str r8, [r1], #4\n"
                   "cmp r1, r5\n"
                   "bne 1b\n"
                   "pop {r1, r2}\n"
                   "ldr r2, [r2, #12]\n"
                   "str r1, [r2]\n"
                   "mov r0, r7\n"
                   "pop {r4-r11, pc}\n"
                   "3:\n"
                   "sxth r9, r10\n"
                   "uxth r11, r8\n" SL_COLUMN_RHO "lsr r11, r8, #16\n"
                   "uxth r8, r9\n"
                   "asr r9, r10, #16\n" SL_COLUMN_RHO "orr r8, r8, r9, lsl #16\n"
                   "b 2b\n");
}
