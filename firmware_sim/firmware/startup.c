/* From reset to main: vector table, memory, FPU, painted stack, faults that are seen. */
#include <stdint.h>

#include "frame.h"
#include "port.h"

#define REG32(address) (*(volatile uint32_t *)(address))
#define SCB_CFSR       REG32(0xE000ED28u)
#define SCB_CPACR      REG32(0xE000ED88u)

#define STACK_PAINT 0xC5C5C5C5u /* the host looks for the lowest word that is no longer this */
#define PAINT_MARGIN_BYTES 64u  /* left alone below the running function's own frame */

#if defined(SL_CORE_HAS_FPU) && !defined(__ARM_FP)
#error "this core has an FPU but the compiler was not told: floats would be soft-float calls"
#endif

extern uint32_t sl_stack_bottom[], sl_stack_top[];
extern uint32_t sl_data_start[], sl_data_end[], sl_bss_start[], sl_bss_end[];
extern const uint32_t sl_data_load[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
void sl_fault_report(const uint32_t *stacked);

/* Every entry, though no interrupt is ever enabled for service: one that comes all the same is a
 * fault that is seen. */
#define SL_VECTORS (16u + SL_INTERRUPTS)
__attribute__((section(".vectors"), used)) const void *const sl_vectors[SL_VECTORS] = {
    (const void *)sl_stack_top,
    (const void *)Reset_Handler,
    [2 ... SL_VECTORS - 1u] = (const void *)Fault_Handler,
};

static void stack_paint(void) {
    /* volatile: a call to memset would have its own frame painted over. */
    volatile uint32_t *word = sl_stack_bottom;
    const uint32_t here = (uint32_t)(uintptr_t)__builtin_frame_address(0);
    while ((uint32_t)(uintptr_t)word + PAINT_MARGIN_BYTES < here) {
        *word++ = STACK_PAINT;
    }
}

void Reset_Handler(void) {
#if defined(__ARM_FP)
    SCB_CPACR |= 0xFu << 20; /* full access to CP10 and CP11 */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    stack_paint();
    const uint32_t *source = sl_data_load;
    for (uint32_t *word = sl_data_start; word < sl_data_end; word++) {
        *word = *source++;
    }
    for (uint32_t *word = sl_bss_start; word < sl_bss_end; word++) {
        *word = 0u;
    }
    (void)main();
    __builtin_trap(); /* main never returns */
}

/* `stacked` is the frame the processor pushed: r0-r3, r12, lr, pc, xpsr. */
__attribute__((used, noreturn)) void sl_fault_report(const uint32_t *stacked) {
    uint32_t record[4] = {stacked[6], stacked[5], stacked[7], 0u};
#if defined(__ARM_ARCH) && __ARM_ARCH >= 7
    record[3] = SCB_CFSR;
#endif
    sl_frame_send(SL_TYPE_FAULT | SL_FRAME_REPLY, 0u, SL_STATUS_FAULT, (const uint8_t *)record,
                  sizeof record);
    for (;;) {
        __builtin_trap(); /* inside HardFault: lock-up, which a debugger and QEMU both show */
    }
}

__attribute__((naked)) void Fault_Handler(void) {
    /* The old stack may be the reason for the fault: report on a fresh one. */
    __asm volatile("mov r0, sp\n\t"
                   "ldr r1, 1f\n\t"
                   "mov sp, r1\n\t"
                   "ldr r1, 2f\n\t"
                   "bx r1\n\t"
                   ".balign 4\n"
                   "1: .word sl_stack_top\n"
                   "2: .word sl_fault_report\n");
}
