/* What every Cortex-M has: registers, sleep, ticks of SysTick.
 *
 * Interrupts stay masked (PRIMASK). They are enabled in the NVIC because a *pending* interrupt
 * wakes WFI even when it is masked. Nothing is ever served asynchronously, so the program has one
 * flow of control. */
#ifndef SL_CORTEX_M_H
#define SL_CORTEX_M_H

#include "port.h"

#define REG32(address) (*(volatile uint32_t *)(address))

#define NVIC_ISER(irq) REG32(0xE000E100u + 4u * ((irq) / 32u))
#define NVIC_ICPR(irq) REG32(0xE000E280u + 4u * ((irq) / 32u))
#define SYST_CSR       REG32(0xE000E010u)
#define SYST_RVR       REG32(0xE000E014u)
#define SYST_CVR       REG32(0xE000E018u)
#define SCB_ICSR       REG32(0xE000ED04u)

#define SYST_ON        7u /* enabled, its exception pends, from the core clock */
#define SYST_ELAPSED   (1u << 16)
#define ICSR_PENDSTCLR (1u << 25)

#define SL_PATIENCE 20000u /* rounds of waiting for an oscillator */

static inline void cm_mask(uint32_t irq) {
    __asm volatile("cpsid i" ::: "memory");
    NVIC_ISER(irq) = 1u << (irq % 32u);
}

/* A byte that arrives between the caller's test and WFI leaves the interrupt pending, and WFI falls
 * through: no byte can be slept over. */
static inline void cm_sleep(uint32_t irq) {
    __asm volatile("wfi" ::: "memory");
    NVIC_ICPR(irq) = 1u << (irq % 32u);
    SCB_ICSR = ICSR_PENDSTCLR;
}

static inline void cm_tick(uint32_t on, uint32_t clock_hz) {
    if (on == 0u) {
        SYST_CSR = 0u;
    } else if ((SYST_CSR & 1u) == 0u) {
        SYST_RVR = clock_hz / 100u - 1u;
        SYST_CVR = 0u;
        SYST_CSR = SYST_ON;
    }
}

static inline uint32_t cm_ticked(void) {
    const uint32_t csr = SYST_CSR; /* reading it clears the flag */
    if ((csr & SYST_ELAPSED) == 0u) {
        return 0u;
    }
    SYST_CSR = csr & SYST_ON;
    return 1u;
}

/* Waits until `mask` of a register reads `value`, but not for ever; returns whether it did. */
static inline uint32_t cm_wait(uint32_t address, uint32_t mask, uint32_t value) {
    for (uint32_t round = 0; round < SL_PATIENCE; round++) {
        if ((REG32(address) & mask) == value) {
            return 1u;
        }
    }
    return 0u;
}

#endif
