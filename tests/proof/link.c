/* For Frama-C: the program of a board, its link and its storage. What comes over the line, what
 * lies in flash and what the learner answers is anything. */
#include "frame.h"
#include "port.h"
#include "sl_learner.h"
#include "storage.h"

static volatile uint32_t any_word;
static volatile int32_t any_int;

static void any_of(void *at, uint32_t size) {
    uint8_t *bytes = at;
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)any_word;
    }
}

void sl_port_start(void) {
    /*@ widen_hints global:"all", 271, 272, 276; */
    ;
}

int32_t sl_port_read(void) {
    const int32_t byte = any_int;
    return byte < -1 ? -1 : byte > 255 ? 255 : byte;
}

void sl_port_write(uint8_t byte) {
    (void)byte;
}

void sl_port_sleep(void) {}

void sl_port_tick(uint32_t on) {
    (void)on;
}

uint32_t sl_port_ticked(void) {
    return any_word;
}

void sl_port_watchdog(void) {}

void sl_port_unique_id(uint32_t id[2]) {
    id[0] = id[1] = any_word;
}

/*@ requires SL_STORAGE_ORIGIN <= address && address % SL_PAGE_BYTES == 0;
    requires address + SL_PAGE_BYTES <= SL_STORAGE_ORIGIN + 2 * SL_AREA_BYTES; */
uint32_t sl_port_erase(uint32_t address) {
    return any_word + address;
}

/*@ requires SL_STORAGE_ORIGIN <= address && address % SL_UNIT_BYTES == 0;
    requires address + SL_UNIT_BYTES <= SL_STORAGE_ORIGIN + 2 * SL_AREA_BYTES;
    requires \valid_read(words + (0 .. 3)) && \initialized(words + (0 .. 3)); */
uint32_t sl_port_program(uint32_t address, const uint32_t *words) {
    return any_word + address + words[0] + words[3];
}

static int32_t answer(sl_scratch_t *scratch, const uint32_t *x_bits) {
    const int32_t found = any_int;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        sum += x_bits[i];
    }
    any_of(scratch, sizeof *scratch);
    return found < SL_N_CLASSES ? found : (int32_t)(sum & 1u);
}

int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    (void)state;
    return answer(scratch, x_bits);
}

int32_t sl_learner_predict_mean(const sl_state_t *state, sl_scratch_t *scratch,
                                const uint32_t *x_bits) {
    (void)state;
    return answer(scratch, x_bits);
}

int32_t sl_learner_recall(const sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    (void)state;
    return answer(scratch, x_bits);
}

uint32_t sl_learner_asks(const sl_state_t *state, const sl_scratch_t *scratch, int32_t up,
                         int32_t *fallen) {
    (void)state;
    (void)scratch;
    *fallen = any_int > 0 ? up : 0;
    return any_word & 1u;
}

int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                         uint32_t target) {
    (void)target;
    any_of(state, sizeof *state);
    return answer(scratch, x_bits);
}

int32_t sl_learner_advance(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits) {
    any_of(state, sizeof *state);
    return answer(scratch, x_bits);
}

void sl_learner_reset(sl_state_t *state) {
    any_of(state, sizeof *state);
}

void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch, uint32_t *words) {
    (void)state;
    (void)scratch;
    any_of(words, 4u * SL_HEALTH_WORDS);
}

int32_t sl_learner_check(const sl_state_t *state);

int32_t sl_learner_check(const sl_state_t *state) {
    (void)state;
    return any_int;
}

void sl_learner_start(sl_state_t *state);

void sl_learner_start(sl_state_t *state) {
    any_of(state, sizeof *state);
}
