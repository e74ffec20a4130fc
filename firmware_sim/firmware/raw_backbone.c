/* The learner's features are what a backbone makes of the raw values. */
#include "requests.h"
#include "sl_backbone.h"

_Static_assert(SL_BACKBONE_FEATURES == SL_N_FEATURES, "a backbone of another learner");

static sl_backbone_scratch_t sl_backbone_scratch;
static uint32_t sl_features[SL_N_FEATURES];

/* If a value is NaN or infinite the learner is given NaN, which it refuses. */
const uint32_t *sl_raw_features(const uint32_t *raw) {
    if (sl_backbone(&sl_backbone_scratch, raw, sl_features) != 0) {
        sl_features[0] = 0x7FC00000u;
    }
    return sl_features;
}
