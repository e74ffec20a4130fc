/* Copies what a step has left: four words at a time where they are aligned. */
#pragma once

#include <stdint.h>

#include "sl_build.h"

typedef struct __attribute__((may_alias)) {
    uint32_t word[4];
} sl_four_words_t;
typedef uint16_t __attribute__((may_alias)) sl_half_t;

/* An even number of bytes. */
SL_INLINE void sl_copy(void *to, const void *from, uint32_t bytes) {
    if (SL_ON_HOST) {
        __builtin_memcpy(to, from, bytes);
        return;
    }
    uint32_t done = 0;
    if (!SL_SMALL && (((uintptr_t)to | (uintptr_t)from) & 3u) == 0) {
        sl_four_words_t *four = to;
        const sl_four_words_t *these = from;
        for (uint32_t left = bytes / sizeof *these; left != 0; left--) {
#if SL_THUMB1 /* the compiler takes eleven instructions */
            __asm volatile("ldm %1!, {r3, r4, r5, r6}\n"
                           "stm %0!, {r3, r4, r5, r6}\n"
                           : "+l"(four), "+l"(these)
                           :
                           : "r3", "r4", "r5", "r6", "memory");
#else
            *four++ = *these++;
#endif
        }
        done = bytes / sizeof *these * sizeof *these;
    }
    for (; done < bytes; done += sizeof(sl_half_t)) {
        *(sl_half_t *)(void *)((char *)to + done) =
            *(const sl_half_t *)(const void *)((const char *)from + done);
    }
}
