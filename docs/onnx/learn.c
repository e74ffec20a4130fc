/* Learn with ONNX Runtime from C or C++: learn FOLDER SAMPLES STATE
 *
 * FOLDER is an export of a classifier. SAMPLES holds per sample its features, float32, and its
 * class index, int32, in the bytes of this machine. The program predicts each sample, learns it,
 * and writes the bytes of the new state to STATE: those that state_sha256 is the hash of.
 *
 *     cc learn.c -I INCLUDE -L LIB -l onnxruntime -o learn
 */
#include <onnxruntime_c_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64, AXES_MAX = 4, HEADER = 24 };

static const OrtApi *api;

static void check(OrtStatus *status) {
    if (status != NULL) {
        fprintf(stderr, "%s\n", api->GetErrorMessage(status));
        exit(1);
    }
}

static unsigned char *read_file(const char *folder, const char *name, size_t *size) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", folder, *folder != '\0' ? "/" : "", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = (unsigned char *)malloc(*size + 1);
    if (data == NULL || fread(data, 1, *size, file) != *size) {
        fprintf(stderr, "%s: reading stopped\n", path);
        exit(1);
    }
    fclose(file);
    return data;
}

static uint32_t word(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static size_t item_bytes(ONNXTensorElementDataType type) {
    switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
        return 1;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
        return 2;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
        return 8;
    default:
        return 4; /* float, int32 and uint32 */
    }
}

/* One input of learn.onnx: its name, type, shape and bytes. */
typedef struct {
    char *name;
    char next[80];
    ONNXTensorElementDataType type;
    int64_t shape[AXES_MAX];
    size_t axes, bytes;
} Input;

static Input input_of(const OrtSession *session, size_t index) {
    Input input;
    OrtAllocator *allocator;
    OrtTypeInfo *info;
    const OrtTensorTypeAndShapeInfo *tensor;
    size_t count;
    check(api->GetAllocatorWithDefaultOptions(&allocator));
    check(api->SessionGetInputName(session, index, allocator, &input.name));
    check(api->SessionGetInputTypeInfo(session, index, &info));
    check(api->CastTypeInfoToTensorInfo(info, &tensor));
    check(api->GetTensorElementType(tensor, &input.type));
    check(api->GetDimensionsCount(tensor, &input.axes));
    if (input.axes > AXES_MAX) {
        fprintf(stderr, "%s has %zu axes: no field of a state\n", input.name, input.axes);
        exit(1);
    }
    check(api->GetDimensions(tensor, input.shape, input.axes));
    check(api->GetTensorShapeElementCount(tensor, &count));
    api->ReleaseTypeInfo(info);
    input.bytes = count * item_bytes(input.type);
    snprintf(input.next, sizeof input.next, "%s_next", input.name);
    return input;
}

/* A tensor over bytes that stay the caller's. */
static OrtValue *tensor_over(const OrtMemoryInfo *memory, const Input *input, void *bytes) {
    OrtValue *value;
    check(api->CreateTensorWithDataAsOrtValue(memory, bytes, input->bytes, input->shape,
                                              input->axes, input->type, &value));
    return value;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: learn FOLDER SAMPLES STATE\n");
        return 2;
    }
    size_t model_bytes, image_bytes, sample_bytes;
    unsigned char *model = read_file(argv[1], "learn.onnx", &model_bytes);
    unsigned char *image = read_file(argv[1], "state.sls", &image_bytes);
    unsigned char *samples = read_file("", argv[2], &sample_bytes);

    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    check(api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "learn", &env));
    check(api->CreateSessionOptions(&options));
    check(api->SetIntraOpNumThreads(options, 1));
    check(api->CreateSessionFromArray(env, model, model_bytes, options, &session));
    check(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));

    size_t n_inputs;
    Input inputs[FIELDS_MAX];
    check(api->SessionGetInputCount(session, &n_inputs));
    if (n_inputs > FIELDS_MAX) {
        fprintf(stderr, "%zu inputs: no export of this version\n", n_inputs);
        return 1;
    }
    for (size_t i = 0; i < n_inputs; i++) {
        inputs[i] = input_of(session, i);
    }

    /* The fields of a state lie in the image in their order and without gaps. */
    int64_t prediction, label;
    size_t n_features = inputs[0].bytes / 4, state_bytes = word(image + 12), right = 0;
    size_t record = 4 * (n_features + 1), n = sample_bytes / record;
    unsigned char *state[2] = {image + HEADER + word(image + 8),
                               (unsigned char *)malloc(state_bytes)};
    const Input answer = {NULL, "prediction", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, {0}, 0, 8};
    for (size_t s = 0; s < n; s++) {
        const char *given[FIELDS_MAX], *asked[FIELDS_MAX];
        OrtValue *values[FIELDS_MAX], *found[FIELDS_MAX];
        int32_t class_index;
        memcpy(&class_index, samples + s * record + 4 * n_features, 4);
        label = class_index;
        given[0] = inputs[0].name;
        given[1] = inputs[1].name;
        asked[0] = answer.next;
        values[0] = tensor_over(memory, &inputs[0], samples + s * record);
        values[1] = tensor_over(memory, &inputs[1], &label);
        found[0] = tensor_over(memory, &answer, &prediction);
        size_t at = 0;
        for (size_t i = 2; i < n_inputs; i++) {
            given[i] = inputs[i].name;
            asked[i - 1] = inputs[i].next;
            values[i] = tensor_over(memory, &inputs[i], state[0] + at);
            found[i - 1] = tensor_over(memory, &inputs[i], state[1] + at);
            at += inputs[i].bytes;
        }
        check(api->Run(session, NULL, given, (const OrtValue *const *)values, n_inputs, asked,
                       n_inputs - 1, found));
        for (size_t i = 0; i < n_inputs; i++) {
            api->ReleaseValue(values[i]);
            if (i > 0) {
                api->ReleaseValue(found[i - 1]);
            }
        }
        unsigned char *older = state[0];
        state[0] = state[1];
        state[1] = older;
        right += prediction == label;
    }
    FILE *file = fopen(argv[3], "wb");
    if (file == NULL || fwrite(state[0], 1, state_bytes, file) != state_bytes ||
        fclose(file) != 0) {
        fprintf(stderr, "%s cannot be written\n", argv[3]);
        return 1;
    }
    printf("%zu samples, %zu right before they were learned\n", n, right);
    api->ReleaseSession(session);
    api->ReleaseSessionOptions(options);
    api->ReleaseMemoryInfo(memory);
    api->ReleaseEnv(env);
    return 0;
}
