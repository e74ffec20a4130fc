/* The loops of layer 0 for cores with ARM's DSP extension, two columns in a word, in assembly: what
 * a compiler makes of the same steps in ACLE takes 13 % more instructions for a step of mu, and
 * spills in the step of rho. A word of rho is doubled where a product's upper half is wanted: the
 * rounding constant of NUMBERS.md, 2^14, becomes 2^15 and the dither sits above it. */
#pragma once

#include <stdint.h>

#define SL_ASSEMBLY static __attribute__((naked, noinline))
#define SL_ARGUMENT __attribute__((unused))

/* A pair of columns: two lanes, and what is added for each before its shift. */
typedef struct {
    uint32_t lanes, low, high;
} sl_pair_t;

/* A row's step, for all of its whole pairs. */
typedef struct {
    uint32_t factor; /* twice the factor, negative where it is to be subtracted, in both halves */
    uint32_t dither; /* the row's, where a pair has the column's */
    uint32_t right;
    uint32_t *count; /* of steps of rho that were clamped */
} sl_row_step_t;

/* mu += rho factor lanes, n pairs, n > 0: 8 instructions a synapse. */
SL_ASSEMBLY void sl_pairs_mu(SL_ARGUMENT const sl_pair_t *pair, SL_ARGUMENT int16_t *mu,
                             SL_ARGUMENT const int16_t *rho, SL_ARGUMENT uint32_t n,
                             SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n"
                   "ldr r12, [sp]\n"
                   "push {r4-r11, lr}\n"
                   "mov r7, #0x8000\n"
                   "add r6, r1, r3, lsl #2\n"
                   "lsls r8, r3, #31\n" /* Z: an even number of pairs */
                   "ldm r12, {r3, r4, r5}\n"
                   "beq 1f\n"
                   "b 2f\n"
                   "1:\n"
                   ".rept 2\n"
                   ".if \\+ == 1\n"
                   "2:\n"
                   ".endif\n"
                   "ldm r0!, {r9, r10, r11}\n"
                   ".endr\n"
                   "pop {r4-r11, pc}\n");
}
