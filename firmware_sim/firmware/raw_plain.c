/* The learner's features are the raw values themselves. */
#include "requests.h"

const uint32_t *sl_raw_features(const uint32_t *raw) {
    return raw;
}
