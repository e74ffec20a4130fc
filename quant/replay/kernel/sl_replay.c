/* The class-balanced reservoir. Golden model: quant/replay/golden.py, function for function.
 * Chrysakis and Moens, ICML 2020; Vitter, ACM TOMS 11 (1985), algorithm R. */
#include "sl_replay.h"
#include "sl_input_code.h"
#include "sl_parts.h"

typedef uint32_t __attribute__((may_alias)) sl_state_word_t;

/* 0 to n - 1, of a random word. */
static uint32_t sl_below(uint32_t word, uint32_t n) {
    return (uint32_t)(((uint64_t)word * n) >> 32);
}

/* Where the j-th stored sample of a class lies. */
static uint32_t sl_replay_slot(const sl_state_t *state, uint32_t label, uint32_t j) {
    uint32_t slot = 0;
    for (; slot < SL_REPLAY_CAPACITY - 1; slot++) {
        if (state->replay_class[slot] == label && j-- == 0) {
            break;
        }
    }
    return slot;
}

void sl_replay_note(sl_scratch_t *scratch) {
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        scratch->seen[i] = sl_input_code(scratch->input[i]);
    }
}

static void sl_replay_store(sl_state_t *state, const sl_scratch_t *scratch, uint32_t label,
                            uint32_t word) {
    uint32_t *seen = state->replay_seen, *stored = state->replay_stored;
    uint32_t slot = 0, largest = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        slot += stored[k];
        largest = stored[k] > stored[largest] ? k : largest;
    }
    const uint32_t complete = seen[label] == stored[label];
    seen[label] += seen[label] != UINT32_MAX;
    if (slot >= SL_REPLAY_CAPACITY) {
        const uint32_t takes = complete && stored[label] < stored[largest];
        const uint32_t loser = takes ? largest : label;
        const uint32_t j = sl_below(word, takes ? stored[largest] : seen[label]);
        if (j >= stored[loser]) {
            return;
        }
        slot = sl_replay_slot(state, loser, j);
        stored[loser]--;
    }
    stored[label]++;
    state->replay_class[slot] = (SL_REPLAY_LABEL)label;
    int8_t *input = state->replay_input + slot * SL_N_FEATURES;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        input[i] = scratch->seen[i];
    }
}

/* A stored sample becomes the input; returns its class. */
static uint32_t sl_replay_draw(const sl_state_t *state, sl_scratch_t *scratch, uint32_t class_word,
                               uint32_t sample_word) {
    const uint32_t *stored = state->replay_stored;
    uint32_t present = 0, label = 0;
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        present += stored[k] != 0;
    }
    uint32_t left = sl_below(class_word, present);
    for (uint32_t k = 0; k < SL_N_CLASSES; k++) {
        if (stored[k] != 0 && left-- == 0) {
            label = k;
        }
    }
    const uint32_t slot = sl_replay_slot(state, label, sl_below(sample_word, stored[label]));
    const int8_t *input = state->replay_input + slot * SL_N_FEATURES;
    for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
        scratch->input[i] = sl_input_of_code(input[i]);
    }
    return label;
}

void sl_replay(sl_state_t *state, sl_scratch_t *scratch, uint32_t target) {
    const uint32_t key = sl_noise_key(state->seed, state->n_samples);
    sl_replay_store(state, scratch, target, sl_noise_word(key, SL_STREAM_REPLAY, 0));
    sl_state_word_t *words = (sl_state_word_t *)(void *)state, kept[SL_STATE_WORDS];
    for (uint32_t w = 0; w < SL_STATE_WORDS; w++) {
        kept[w] = words[w];
    }
    for (uint32_t k = 1; k <= SL_REPLAYS; k++) {
        const uint32_t first = 1 + SL_REPLAY_WORDS * (k - 1);
        const uint32_t label =
            sl_replay_draw(state, scratch, sl_noise_word(key, SL_STREAM_REPLAY, first),
                           sl_noise_word(key, SL_STREAM_REPLAY, first + 1));
        state->replaying = k;
        if (sl_rule_forward(state, scratch) >= 0) {
            sl_rule_update(state, scratch, label);
        }
        for (uint32_t w = 0; w < SL_STATE_WORDS; w++) {
            words[w] = kept[w];
        }
    }
}
