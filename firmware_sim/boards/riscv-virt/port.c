/* QEMU's machine "virt": an NS16550 serial port, the platform's interrupt controller and timer.
 * Memory stands for flash. */
#include "riscv.h"

#define UART  0x10000000u
#define PLIC  0x0C000000u
#define CLINT 0x02000000u
#define IRQ   10u

#define TIMER_HZ     10000000u
#define LSR_RECEIVED 1u
#define LSR_TX_EMPTY 0x20u

void sl_port_start(void) {
    REG8(UART + 3u) = 3u; /* 8N1; the divisor has no meaning here */
    REG8(UART + 2u) = 1u; /* FIFOs */
    REG8(UART + 1u) = 1u; /* a received byte interrupts */
    REG32(PLIC + 4u * IRQ) = 1u;
    REG32(PLIC + 0x2000u) = 1u << IRQ;
    REG32(PLIC + 0x200000u) = 0u;
    rv_wake_by(RV_EXTERNAL, 1u);
}

int32_t sl_port_read(void) {
    return (REG8(UART + 5u) & LSR_RECEIVED) != 0u ? (int32_t)REG8(UART) : -1;
}

void sl_port_write(uint8_t byte) {
    while ((REG8(UART + 5u) & LSR_TX_EMPTY) == 0u) {
    }
    REG8(UART) = byte;
}

/* A byte that arrives between the caller's test and WFI stays pending: WFI falls through. */
void sl_port_sleep(void) {
    rv_sleep();
    REG32(PLIC + 0x200004u) = REG32(PLIC + 0x200004u); /* claimed and completed */
}

static uint32_t next;

void sl_port_tick(uint32_t on) {
    static uint32_t is_on;
    if (on != 0u && is_on == 0u) {
        next = REG32(CLINT + 0xBFF8u) + TIMER_HZ / 100u;
    }
    is_on = on;
    /* The whole upper half is the farthest time; the lower half then says when. */
    REG32(CLINT + 0x4004u) = 0xFFFFFFFFu;
    REG32(CLINT + 0x4000u) = next;
    REG32(CLINT + 0x4004u) = on != 0u ? REG32(CLINT + 0xBFFCu) : 0xFFFFFFFFu;
    rv_wake_by(RV_TIMER, on);
}

uint32_t sl_port_ticked(void) {
    const uint32_t now = REG32(CLINT + 0xBFF8u);
    if ((int32_t)(now - next) < 0) {
        return 0u;
    }
    next = now + TIMER_HZ / 100u;
    return 1u;
}

uint32_t sl_port_erase(uint32_t address) {
    for (uint32_t i = 0; i < SL_PAGE_BYTES; i += 4u) {
        REG32(address + i) = SL_ERASED;
    }
    return 0u;
}

uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    for (uint32_t i = 0; i < SL_UNIT_BYTES / 4u; i++) {
        REG32(address + 4u * i) = words[i];
    }
    return 0u;
}

void sl_port_watchdog(void) {
    /* The machine has none: its test device is told nothing, and stays. */
    REG32(0x00100000u) = 0u;
}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = 0x76697274u; /* a machine of QEMU has no number of its own */
    id[1] = 0u;
}
