/* The sums of layer 0 for cores with ARM's DSP extension: four rows and four columns at a time, so
 * that a sum is read and written once for four products: 1.5 instructions a product, where the
 * plain C takes 6. */
#pragma once

#include <stdint.h>

#include "sl_assembly.h"

typedef struct {
    const int16_t *row[4]; /* aligned to words */
    int16_t x[4];
} sl_four_rows_t;

/* half: b or t, the half of x that is this row's. */
#define SL_ROW_QUAD(row, x, half)                                                                  \
    "ldrd r12, lr, [" row "], #8\n"                                                                \
    "smlab" half " r8, r12, " x ", r8\n"                                                           \
    "smlat" half " r9, r12, " x ", r9\n"                                                           \
    "smlab" half " r10, lr, " x ", r10\n"                                                          \
    "smlat" half " r11, lr, " x ", r11\n"

#define SL_ROW_PAIR(row, x, half)                                                                  \
    "ldr r12, [" row "]\n"                                                                         \
    "smlab" half " r8, r12, " x ", r8\n"                                                           \
    "smlat" half " r9, r12, " x ", r9\n"

/* sum += x row of an even number of columns, of all four rows. */
SL_ASSEMBLY void sl_four_rows_add(SL_ARGUMENT int32_t *sum, SL_ARGUMENT const sl_four_rows_t *rows,
                                  SL_ARGUMENT uint32_t columns) {
    __asm volatile(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "lsr r7, r2, #2\n"
        "lsl r8, r2, #30\n"
        "push {r8}\n" /* whether a pair is left */
        "add r7, r0, r7, lsl #4\n"
        "ldm r1, {r1, r2, r3, r4, r5, r6}\n"
        "cmp r0, r7\n"
        "beq 2f\n"
        "1:\n"
        "ldm r0, {r8, r9, r10, r11}\n" SL_ROW_QUAD("r1", "r5", "b") SL_ROW_QUAD("r2", "r5", "t")
            SL_ROW_QUAD("r3", "r6", "b") SL_ROW_QUAD(
                "r4", "r6", "t") "stm r0!, {r8, r9, r10, r11}\n"
                                 "cmp r0, r7\n"
                                 "bne 1b\n"
                                 "2:\n"
                                 "pop {r8}\n"
                                 "cmp r8, #0\n"
                                 "beq 3f\n"
                                 "ldm r0, {r8, r9}\n" SL_ROW_PAIR("r1", "r5", "b")
                                     SL_ROW_PAIR("r2", "r5", "t") SL_ROW_PAIR("r3", "r6", "b")
                                         SL_ROW_PAIR("r4", "r6", "t") "stm r0, {r8, r9}\n"
                                                                      "3:\n"
                                                                      "pop {r4-r11, pc}\n");
}
