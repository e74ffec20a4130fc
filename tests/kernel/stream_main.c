/* A stream through the kernel as a program of its own, so that sanitizers watch every access:
 *
 *     stream_main STATE X LABELS NEW_STATE PREDICTIONS
 *
 * STATE: the bytes of sl_state_t. X: binary32, [n][features]. LABELS: uint32, [n]. Writes the state
 * after learning all samples, and the predictions as int32, [n]. Little endian, as the host. Prints
 * how often each kind of value saturated, while predicting and learning.
 * State and scratch are malloc'ed to the byte; -DPLANT_OVERFLOW makes the scratch 64 bytes too
 * short, which AddressSanitizer must notice. */
#include <stdio.h>
#include <stdlib.h>

#include "sl_learner.h"

#ifdef PLANT_OVERFLOW
#define SCRATCH_BYTES (sizeof(sl_scratch_t) - 64)
#else
#define SCRATCH_BYTES sizeof(sl_scratch_t)
#endif

#ifdef SL_AVERAGE_ROWS
enum { AVERAGED = 1 }; /* a prediction reads other weights than a step that is learned */
#else
enum { AVERAGED = 0 };
#endif

static void fail(const char *what, const char *name) {
    fprintf(stderr, "stream_main: %s: %s\n", what, name);
    exit(2);
}

static void *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fail("cannot open", name);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*size);
    if (!data || fread(data, 1, *size, file) != *size || fclose(file) != 0) {
        fail("cannot read", name);
    }
    return data;
}

static void write_file(const char *name, const void *data, size_t size) {
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fail("cannot write", name);
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fail("expected 5 arguments", "STATE X LABELS NEW_STATE PREDICTIONS");
    }
    size_t state_size, x_size, labels_size;
    sl_state_t *state = read_file(argv[1], &state_size);
    uint32_t *x = read_file(argv[2], &x_size);
    uint32_t *labels = read_file(argv[3], &labels_size);
    const size_t n = labels_size / sizeof(uint32_t);
    if (state_size != sizeof(sl_state_t)) {
        fail("not the size of this learner's state", argv[1]);
    }
    if (x_size != n * SL_N_FEATURES * sizeof(uint32_t)) {
        fail("not as many samples as labels", argv[2]);
    }
    sl_scratch_t *scratch = malloc(SCRATCH_BYTES);
    int32_t *predictions = malloc(n * sizeof(int32_t));
    uint32_t *sample = malloc(SL_N_FEATURES * sizeof(uint32_t));
    if (!scratch || !predictions || !sample) {
        fail("out of memory", argv[0]);
    }
    for (size_t k = 0; k < SCRATCH_BYTES / sizeof(uint32_t); k++) {
        ((uint32_t *)scratch)[k] = k < SL_N_SAT ? 0 : 0xA5A5A5A5u; /* contents must not matter */
    }
    for (size_t t = 0; t < n; t++) {
        for (uint32_t i = 0; i < SL_N_FEATURES; i++) {
            sample[i] = x[t * SL_N_FEATURES + i]; /* exact size: reading past it is an error */
        }
        const int32_t asked = sl_learner_predict(state, scratch, sample);
        predictions[t] = sl_learner_learn(state, scratch, sample, labels[t]);
        if ((asked != predictions[t] && !AVERAGED) || asked < 0 || predictions[t] < 0) {
            fprintf(stderr, "stream_main: sample %zu: predict %d, learn %d\n", t, (int)asked,
                    (int)predictions[t]);
            exit(3);
        }
    }
    write_file(argv[4], state, sizeof(sl_state_t));
    write_file(argv[5], predictions, n * sizeof(int32_t));
    for (uint32_t k = 0; k < SL_N_SAT; k++) {
        printf("%u\n", (unsigned)scratch->saturations[k]);
    }
    free(sample);
    free(predictions);
    free(scratch);
    free(labels);
    free(x);
    free(state);
    return 0;
}
