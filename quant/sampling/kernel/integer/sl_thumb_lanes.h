/* The sums of four draws for ARMv6-M (Cortex-M0, -M0+), in assembly: they stay in registers for all
 * rows of a column, 3 instructions a product, where the plain C takes 7. */
#pragma once

#include <stdint.h>

#include "sl_assembly.h"
#include "sl_lane_row.h"

/* The next row's weight, times its four factors. */
#define SL_LANE_ROW                                                                                \
    "ldm r5!, {r0, r1, r2, r3, r4}\n"                                                              \
    "ldrsh r4, [r4, r7]\n"                                                                         \
    "muls r0, r4, r0\n"                                                                            \
    "add r8, r0\n"                                                                                 \
    "muls r1, r4, r1\n"                                                                            \
    "add r9, r1\n"                                                                                 \
    "muls r2, r4, r2\n"                                                                            \
    "add r10, r2\n"                                                                                \
    "muls r3, r4, r3\n"                                                                            \
    "add r11, r3\n"

/* To the sums of each column what its weights bring. */
SL_ASSEMBLY void sl_four_lanes_add(SL_ARGUMENT const sl_lane_rows_t *rows,
                                   SL_ARGUMENT const int16_t *weights, SL_ARGUMENT int32_t *sum,
                                   SL_ARGUMENT uint32_t columns) {
    __asm volatile(".syntax unified\n"
                   "push {r4-r7, lr}\n"
                   "mov r4, r8\n"
                   "mov r5, r9\n"
                   "mov r6, r10\n"
                   "mov r7, r11\n"
                   "push {r3-r7}\n" /* columns; and what is the caller's */
                   "mov r6, r2\n"
                   "mov r7, r1\n"
                   "ldm r0!, {r3, r4}\n"
                   "mov r12, r4\n" /* behind the last row */
                   "ldm r0!, {r4, r5}\n"
                   "mov lr, r5\n" /* from one column's sums to the next */
                   "push {r3, r4}\n"
                   "1:\n"
                   "ldm r6!, {r0, r1, r2, r3}\n"
                   "subs r6, #16\n"
                   "mov r8, r0\n"
                   "mov r9, r1\n"
                   "mov r10, r2\n"
                   "mov r11, r3\n"
                   "ldr r5, [sp]\n"
                   "ldr r0, [sp, #4]\n"
                   "cmp r0, #0\n"
                   "bne 3f\n" /* an odd number of rows */
                   "2:\n" SL_LANE_ROW "3:\n" SL_LANE_ROW "cmp r5, r12\n"
                   "bne 2b\n"
                   "mov r0, r8\n"
                   "mov r1, r9\n"
                   "mov r2, r10\n"
                   "mov r3, r11\n"
                   "stm r6!, {r0, r1, r2, r3}\n"
                   "add r6, lr\n"
                   "adds r7, #2\n"
                   "ldr r0, [sp, #8]\n"
                   "subs r0, #1\n"
                   "str r0, [sp, #8]\n"
                   "bne 1b\n"
                   "add sp, #12\n"
                   "pop {r4-r7}\n"
                   "mov r8, r4\n"
                   "mov r9, r5\n"
                   "mov r10, r6\n"
                   "mov r11, r7\n"
                   "pop {r4-r7, pc}\n");
}
