/* What every RISC-V core has: registers, sleep, and what wakes it.
 *
 * Interrupts stay masked (mstatus.MIE is 0). They are enabled in mie because a *pending* interrupt
 * wakes WFI even when it is masked. Nothing is ever served asynchronously, so the program has one
 * flow of control. */
#ifndef SL_RISCV_H
#define SL_RISCV_H

#include "port.h"

#define REG8(address)  (*(volatile uint8_t *)(address))
#define REG32(address) (*(volatile uint32_t *)(address))

#define RV_TIMER    (1u << 7)
#define RV_EXTERNAL (1u << 11)

static inline void rv_wake_by(uint32_t what, uint32_t on) {
    if (on != 0u) {
        __asm volatile("csrs mie, %0" ::"r"(what) : "memory");
    } else {
        __asm volatile("csrc mie, %0" ::"r"(what) : "memory");
    }
}

static inline void rv_sleep(void) {
    __asm volatile("wfi" ::: "memory");
}

#endif
