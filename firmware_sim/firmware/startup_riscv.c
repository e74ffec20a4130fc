/* From reset to main on RISC-V: a jump, a table with all entries, memory, faults that are seen. */
#include <stdint.h>

#include "frame.h"
#include "memory.h"
#include "port.h"

_Static_assert(sizeof(void *) == 4, "a core with 32 bits");

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
void sl_fault_report(uint32_t pc, uint32_t lr, uint32_t cause, uint32_t value);

/* The first instruction after a reset, and 256 bytes on the table that mtvec names. No interrupt is
 * ever enabled for service: one that comes all the same is a fault that is seen. */
__asm(".section .vectors, \"ax\", @progbits\n"
      ".option push\n"
      ".option norvc\n"
      ".globl sl_vectors\n"
      "j Reset_Handler\n"
      ".balign 256\n"
      "sl_vectors:\n"
      ".rept 32\n"
      "j Fault_Handler\n"
      ".endr\n"
      ".option pop\n"
      ".text\n");

__attribute__((used, noreturn)) static void start(void) {
    memory_start();
    (void)main();
    for (;;) {
        __builtin_trap(); /* main never returns */
    }
}

__attribute__((naked, used)) void Reset_Handler(void) {
    __asm volatile("csrci mstatus, 8\n\t" /* MIE; not every core has the register mie */
                   "la sp, sl_stack_top\n\t"
                   "la t0, sl_vectors + 1\n\t" /* vectored */
                   "csrw mtvec, t0\n\t"
                   "j %0\n\t" ::"i"(start));
}

__attribute__((used, noreturn)) void sl_fault_report(uint32_t pc, uint32_t lr, uint32_t cause,
                                                     uint32_t value) {
    const uint32_t record[4] = {pc, lr, cause, value};
    sl_frame_send(SL_TYPE_FAULT | SL_FRAME_REPLY, 0u, SL_STATUS_FAULT, (const uint8_t *)record,
                  sizeof record);
    for (;;) { /* a fault in here ends here: the table would only bring it back */
    }
}

__attribute__((naked, used)) void Fault_Handler(void) {
    /* The old stack may be the reason for the fault: report on a fresh one. */
    __asm volatile("csrr a0, mepc\n\t"
                   "mv a1, ra\n\t"
                   "csrr a2, mcause\n\t"
                   "csrr a3, mtval\n\t"
                   "la sp, sl_stack_top\n\t"
                   "j sl_fault_report\n\t");
}
