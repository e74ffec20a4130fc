/* Which values enter a feature's statistics: the decisions, alike in integers and in floats.
 * Golden model: quant/front_end/hold.py; in words: quant/front_end/NUMBERS.md. */
#pragma once

#include <stdint.h>

enum {
    SL_HOLD = 8,
    SL_BEYOND = 64,
    SL_PERSIST = 16,
    SL_NEAR = 128,
    SL_QUIET_MIN = 8,
    SL_QUIET_MAX = 64,
    SL_REPEATS = 64,
    SL_EARLY = 16,
    SL_REMEMBERED = 64,
    SL_REMEMBERED_ALONE = 255,
    SL_TICK = 16,
};

/* What becomes of a value: bits of a fate. */
enum {
    SL_ENTERS = 1,
    SL_RESTART = 2, /* the statistics start again from the reference and this value */
    SL_HELD = 4,    /* as if it were SL_HOLD standard deviations away */
    SL_SILENT = 8,  /* no input: 0 */
    SL_STAYS = 16,  /* the reference stays */
};

typedef struct {
    int8_t streak;
    uint8_t repeats, excursions;
} sl_memory_t;

static inline uint32_t sl_hold_restart(sl_memory_t *memory) {
    memory->streak = 0;
    memory->repeats = 0;
    memory->excursions = 0;
    return SL_ENTERS | SL_RESTART;
}

/* Another value after nothing but one value; recent: excursions before this sample. A reading that
 * comes twice, after one that did, is no sign that the constant was bad. */
static inline uint32_t sl_hold_constant(sl_memory_t *memory, uint32_t recent, uint32_t count,
                                        uint32_t same, uint32_t closer) {
    const int32_t waiting = memory->streak > 0;
    if (!waiting && recent == 0) {
        memory->streak = 1;
        memory->excursions = SL_REMEMBERED_ALONE;
        return 0;
    }
    sl_hold_restart(memory);
    const uint32_t early = count < SL_EARLY && closer && (!same || count == 1);
    return waiting && early ? SL_ENTERS | SL_RESTART : SL_ENTERS;
}

static inline uint32_t sl_hold_far(sl_memory_t *memory, uint32_t recent, uint32_t count,
                                   uint32_t same, uint32_t beyond, uint32_t fixed) {
    const int32_t before = memory->streak > 0 ? memory->streak : 0;
    const int32_t lasting = fixed && before == SL_PERSIST;
    const uint32_t silent = beyond && (before > 0 || recent == 0) && !lasting ? SL_SILENT : 0;
    memory->repeats = 0;
    if (before == 0 && count >= SL_EARLY) {
        memory->excursions = SL_REMEMBERED;
    }
    if (same) {
        memory->streak = (int8_t)(before > 0 ? before : 1);
        return SL_HELD | silent;
    }
    memory->streak = (int8_t)(before < SL_PERSIST ? before + 1 : SL_PERSIST);
    if (memory->streak >= SL_PERSIST && !fixed) {
        return sl_hold_restart(memory);
    }
    return SL_ENTERS | SL_HELD | silent;
}

static inline uint32_t sl_hold_near(sl_memory_t *memory, uint32_t same, uint32_t count,
                                    uint32_t fixed) {
    int32_t quiet = memory->streak < 0 ? memory->streak : 0;
    if (same) {
        memory->repeats += memory->repeats < SL_REPEATS;
        memory->streak = (int8_t)quiet;
        return memory->repeats == SL_REPEATS && quiet == 0 ? SL_STAYS : SL_STAYS | SL_ENTERS;
    }
    quiet -= quiet > -SL_QUIET_MAX;
    memory->repeats = 0;
    memory->streak = (int8_t)quiet;
    uint32_t enough = count >> 2;
    enough = enough < SL_QUIET_MIN ? SL_QUIET_MIN : enough > SL_QUIET_MAX ? SL_QUIET_MAX : enough;
    return (uint32_t)-quiet >= enough && !fixed ? sl_hold_restart(memory) : SL_STAYS | SL_ENTERS;
}
