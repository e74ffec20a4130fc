/* The sums of layer 0 for ARMv6-M (Cortex-M0, -M0+), in assembly: two rows and four columns a turn,
 * 5 instructions a product, where the plain C takes 7. */
#pragma once

#include <stdint.h>

#include "sl_assembly.h"

/* Column k of a turn, of two rows. */
#define SL_COLUMN_SUM                                                                              \
    "ldr r7, [r0]\n"                                                                               \
    "ldrsh r6, [r1, r3]\n"                                                                         \
    "muls r6, r4, r6\n"                                                                            \
    "adds r7, r7, r6\n"                                                                            \
    "ldrsh r6, [r2, r3]\n"                                                                         \
    "muls r6, r5, r6\n"                                                                            \
    "adds r7, r7, r6\n"                                                                            \
    "stm r0!, {r7}\n"                                                                              \
    "adds r3, #2\n"

typedef struct {
    const int16_t *row[2];
    int32_t x[2];
} sl_two_rows_t;

/* sum += x row of n columns, of both rows: 5 instructions a product. */
SL_ASSEMBLY void sl_two_rows_add(SL_ARGUMENT int32_t *sum, SL_ARGUMENT const sl_two_rows_t *rows,
                                 SL_ARGUMENT uint32_t n) {
    __asm volatile(".syntax unified\n"
                   "push {r4-r7, lr}\n"
                   "mov r4, r8\n"
                   "mov r5, r9\n"
                   "push {r4, r5}\n"
                   "lsls r3, r2, #1\n"
                   "mov r9, r3\n"
                   "lsrs r3, r2, #2\n"
                   "lsls r3, r3, #3\n"
                   "mov r8, r3\n"
                   "movs r3, #0\n"
                   "ldr r2, [r1, #4]\n"
                   "ldr r4, [r1, #8]\n"
                   "ldr r5, [r1, #12]\n"
                   "ldr r1, [r1]\n"
                   "cmp r3, r8\n"
                   "beq 2f\n"
                   "1:\n" SL_COLUMN_SUM SL_COLUMN_SUM SL_COLUMN_SUM SL_COLUMN_SUM "cmp r3, r8\n"
                   "bne 1b\n"
                   "b 2f\n"
                   "3:\n" SL_COLUMN_SUM "2:\n"
                   "cmp r3, r9\n"
                   "bne 3b\n"
                   "pop {r4, r5}\n"
                   "mov r8, r4\n"
                   "mov r9, r5\n"
                   "pop {r4-r7, pc}\n");
}
