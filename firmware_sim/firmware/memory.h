/* What every core does to memory before main: the stack painted, .data copied, .bss cleared. */
#ifndef SL_MEMORY_H
#define SL_MEMORY_H

#include <stdint.h>

#define STACK_PAINT 0xC5C5C5C5u /* the host looks for the lowest word that is no longer this */
#define PAINT_MARGIN_BYTES 64u  /* left alone below the running function's own frame */

extern uint32_t sl_stack_bottom[], sl_stack_top[];
extern uint32_t sl_data_start[], sl_data_end[], sl_bss_start[], sl_bss_end[];
extern const uint32_t sl_data_load[];

static void stack_paint(void) {
    /* volatile: a call to memset would have its own frame painted over. */
    volatile uint32_t *word = sl_stack_bottom;
    const uint32_t here = (uint32_t)(uintptr_t)__builtin_frame_address(0);
    while ((uint32_t)(uintptr_t)word + PAINT_MARGIN_BYTES < here) {
        *word++ = STACK_PAINT;
    }
}

static inline void memory_start(void) {
    stack_paint();
    const uint32_t *source = sl_data_load;
    for (uint32_t *word = sl_data_start; word < sl_data_end; word++) {
        *word = *source++;
    }
    for (uint32_t *word = sl_bss_start; word < sl_bss_end; word++) {
        *word = 0u;
    }
}

#endif
