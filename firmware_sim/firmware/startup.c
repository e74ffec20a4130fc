/* From reset to main: vector table, memory, FPU, painted stack, faults that are seen. */
#include <stdint.h>

#include "frame.h"
#include "memory.h"
#include "port.h"

#define REG32(address) (*(volatile uint32_t *)(address))
#define SCB_CFSR       REG32(0xE000ED28u)
#define SCB_CPACR      REG32(0xE000ED88u)

#if defined(SL_CORE_HAS_FPU) && !defined(__ARM_FP)
#error "this core has an FPU but the compiler was not told: floats would be soft-float calls"
#endif

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

void Reset_Handler(void) {
#if defined(__ARM_FP)
    SCB_CPACR |= 0xFu << 20; /* full access to CP10 and CP11 */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    memory_start();
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
