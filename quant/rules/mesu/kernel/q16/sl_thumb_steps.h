/* A row's steps in layer 0 for ARMv6-M (Cortex-M0, -M0+), in assembly, four columns a turn: with
 * eight registers that an instruction can use, a compiler reloads three values for every column. A
 * step of mu takes 18 instructions per synapse and one of rho 17, where the plain C takes 29 and
 * 58. */
#pragma once

#include <stdint.h>

#include "sl_assembly.h"

/* A column: its lane, and what is added before the shift. */
typedef struct {
    int32_t lane;
    uint32_t addend;
} sl_column_t;

/* A row's step. large: what becomes of a rho whose d is above rho/128. */
typedef struct {
    int32_t factor;
    uint32_t dither; /* the row's, where a column has its own */
    uint32_t right;
    uint32_t *count;
    int32_t (*large)(int32_t rho, int32_t d, uint32_t *count);
} sl_row_step_t;

#define SL_SAVE_HIGH                                                                               \
    "push {r4-r7, lr}\n"                                                                           \
    "mov r4, r8\n"                                                                                 \
    "mov r5, r9\n"                                                                                 \
    "mov r6, r10\n"                                                                                \
    "mov r7, r11\n"                                                                                \
    "push {r4-r7}\n"

#define SL_RESTORE_HIGH                                                                            \
    "pop {r4-r7}\n"                                                                                \
    "mov r8, r4\n"                                                                                 \
    "mov r9, r5\n"                                                                                 \
    "mov r10, r6\n"                                                                                \
    "mov r11, r7\n"                                                                                \
    "pop {r4-r7, pc}\n"

/* Leaves n - n % 4 columns' end in r10 and the row's in r11; at, n: registers; clobbers r4. */
#define SL_ENDS(at, n)                                                                             \
    "lsls r4, " n ", #1\n"                                                                         \
    "adds r4, r4, " at "\n"                                                                        \
    "mov r11, r4\n"                                                                                \
    "lsrs r4, " n ", #2\n"                                                                         \
    "lsls r4, r4, #3\n"                                                                            \
    "adds r4, r4, " at "\n"                                                                        \
    "mov r10, r4\n"                                                                                \
    "movs r4, #1\n"                                                                                \
    "lsls r4, r4, #14\n"                                                                           \
    "mov r8, r4\n"

/* k: twice the column of a turn; back, fix: its labels. */
#define SL_COLUMN_MU(k, back, fix)                                                                 \
    "ldm r1!, {r2, r3}\n"                                                                          \
    "muls r2, r7, r2\n"                                                                            \
    "add r2, r8\n"                                                                                 \
    "asrs r2, r2, #15\n"                                                                           \
    "ldrh r4, [r6, #" k "]\n"                                                                      \
    "muls r2, r4, r2\n"                                                                            \
    "mov r4, r9\n"                                                                                 \
    "eors r3, r4\n"                                                                                \
    "adds r2, r2, r3\n"                                                                            \
    "asrs r2, r5\n"                                                                                \
    "movs r4, #" k "\n"                                                                            \
    "ldrsh r3, [r0, r4]\n"                                                                         \
    "adds r2, r2, r3\n"                                                                            \
    "sxth r3, r2\n"                                                                                \
    "cmp r3, r2\n"                                                                                 \
    "bne " fix "f\n" back ":\n"                                                                    \
    "strh r2, [r0, #" k "]\n"

/* r2 = the end of 16 bits that it has passed */
#define SL_FIX_MU(back, fix)                                                                       \
    fix ":\n"                                                                                      \
        "asrs r2, r2, #31\n"                                                                       \
        "mov r3, r8\n"                                                                             \
        "adds r3, r3, r3\n"                                                                        \
        "subs r3, #1\n"                                                                            \
        "eors r2, r3\n"                                                                            \
        "b " back "b\n"

/* mu += rho factor lanes of n columns: 18 instructions per synapse. */
SL_ASSEMBLY void sl_row_mu(SL_ARGUMENT const sl_column_t *columns, SL_ARGUMENT int16_t *mu,
                           SL_ARGUMENT const int16_t *rho, SL_ARGUMENT uint32_t n,
                           SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n" SL_SAVE_HIGH SL_ENDS(
        "r1", "r3") "ldr r4, [sp, #36]\n"
                    "ldr r7, [r4]\n"
                    "ldr r5, [r4, #4]\n"
                    "mov r9, r5\n"
                    "ldr r5, [r4, #8]\n"
                    "movs r6, r2\n"
                    "movs r2, r0\n"
                    "movs r0, r1\n"
                    "movs r1, r2\n"
                    "cmp r0, r10\n"
                    "beq 2f\n"
                    "1:\n" SL_COLUMN_MU("0", "10", "20") SL_COLUMN_MU("2", "11", "21")
                        SL_COLUMN_MU("4", "12", "22") SL_COLUMN_MU(
                            "6", "13",
                            "23") "adds r6, #8\n"
                                  "adds r0, #8\n"
                                  "cmp r0, r10\n"
                                  "bne 1b\n"
                                  "2:\n"
                                  "cmp r0, r11\n"
                                  "beq 4f\n"
                                  "3:\n" SL_COLUMN_MU(
                                      "0", "14",
                                      "24") "adds r6, #2\n"
                                            "adds r0, #2\n"
                                            "cmp r0, r11\n"
                                            "bne 3b\n"
                                            "4:\n" SL_RESTORE_HIGH SL_FIX_MU("10", "20")
                                                SL_FIX_MU("11", "21") SL_FIX_MU("12", "22")
                                                    SL_FIX_MU("13", "23") SL_FIX_MU("14", "24"));
}

/* d in r2, rho in r4 */
#define SL_COLUMN_RHO(k)                                                                           \
    "ldm r1!, {r2, r3}\n"                                                                          \
    "muls r2, r7, r2\n"                                                                            \
    "add r2, r8\n"                                                                                 \
    "asrs r2, r2, #15\n"                                                                           \
    "ldrh r4, [r0, #" k "]\n"                                                                      \
    "muls r2, r4, r2\n"                                                                            \
    "add r2, r8\n"                                                                                 \
    "asrs r2, r2, #15\n"                                                                           \
    "muls r2, r4, r2\n"                                                                            \
    "eors r3, r6\n"                                                                                \
    "adds r2, r2, r3\n"                                                                            \
    "asrs r2, r5\n"

#define SL_COLUMN_RHO_SMALL(k, back, fix)                                                          \
    SL_COLUMN_RHO(k)                                                                               \
    "adds r4, r4, r2\n"                                                                            \
    "strh r4, [r0, #" k "]\n"                                                                      \
    "lsrs r3, r4, #14\n"                                                                           \
    "bne " fix "f\n" back ":\n"

#define SL_FIX_RHO(back, fix)                                                                      \
    fix ":\n"                                                                                      \
        "mov r9, r8\n"                                                                             \
        "b " back "b\n"

#define SL_START_RHO                                                                               \
    SL_SAVE_HIGH SL_ENDS("r1", "r2") "ldr r7, [r3]\n"                                              \
                                     "ldr r6, [r3, #4]\n"                                          \
                                     "ldr r5, [r3, #8]\n"                                          \
                                     "movs r2, r0\n"                                               \
                                     "movs r0, r1\n"                                               \
                                     "movs r1, r2\n"                                               \
                                     "movs r4, #0\n"                                               \
                                     "mov r9, r4\n"

/* rho += d of n columns, where sl_rho_is_small: 17 instructions per synapse. Returns whether some
 * rho has outgrown its bits. */
SL_ASSEMBLY uint32_t sl_row_rho_small(SL_ARGUMENT const sl_column_t *columns,
                                      SL_ARGUMENT int16_t *rho, SL_ARGUMENT uint32_t n,
                                      SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(
        ".syntax unified\n" SL_START_RHO "cmp r0, r10\n"
        "beq 2f\n"
        "1:\n" SL_COLUMN_RHO_SMALL("0", "10", "20") SL_COLUMN_RHO_SMALL("2", "11", "21")
            SL_COLUMN_RHO_SMALL("4", "12", "22") SL_COLUMN_RHO_SMALL(
                "6", "13", "23") "adds r0, #8\n"
                                 "cmp r0, r10\n"
                                 "bne 1b\n"
                                 "2:\n"
                                 "cmp r0, r11\n"
                                 "beq 4f\n"
                                 "3:\n" SL_COLUMN_RHO_SMALL(
                                     "0", "14",
                                     "24") "adds r0, #2\n"
                                           "cmp r0, r11\n"
                                           "bne 3b\n"
                                           "4:\n"
                                           "mov r0, r9\n" SL_RESTORE_HIGH SL_FIX_RHO("10", "20")
                                               SL_FIX_RHO("11", "21") SL_FIX_RHO("12", "22")
                                                   SL_FIX_RHO("13", "23") SL_FIX_RHO("14", "24"));
}

/* The same whatever d is: 23 instructions per synapse, and more where |d| is above rho/128. */
SL_ASSEMBLY uint32_t sl_row_rho(SL_ARGUMENT const sl_column_t *columns, SL_ARGUMENT int16_t *rho,
                                SL_ARGUMENT uint32_t n, SL_ARGUMENT const sl_row_step_t *step) {
    __asm volatile(".syntax unified\n" SL_START_RHO "mov r10, r3\n"
                   "b 2f\n"
                   "1:\n" SL_COLUMN_RHO("0") "asrs r3, r2, #31\n"
                                             "eors r3, r2\n"
                                             "lsls r3, r3, #7\n"
                                             "cmp r3, r4\n"
                                             "bge 5f\n"
                                             "adds r4, r4, r2\n"
                                             "3:\n"
                                             "strh r4, [r0]\n"
                                             "adds r0, #2\n"
                                             "lsrs r3, r4, #14\n"
                                             "bne 6f\n"
                                             "2:\n"
                                             "cmp r0, r11\n"
                                             "bne 1b\n"
                                             "mov r0, r9\n" SL_RESTORE_HIGH "5:\n"
                                             "push {r0, r1}\n"
                                             "movs r0, r4\n"
                                             "movs r1, r2\n"
                                             "mov r3, r10\n"
                                             "ldr r2, [r3, #12]\n"
                                             "ldr r3, [r3, #16]\n"
                                             "blx r3\n"
                                             "movs r4, r0\n"
                                             "pop {r0, r1}\n"
                                             "b 3b\n"
                                             "6:\n"
                                             "mov r9, r8\n"
                                             "b 2b\n");
}
