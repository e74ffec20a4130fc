/* What the front end keeps in the scratch: statistics that become the state's on learning. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"
#include "sl_feature_scratch.h"
#include "sl_statistics.h"

/* An input has 8 bits; the host's vectors take 16. */
#if SL_ON_HOST
typedef int16_t sl_input_t;
#else
typedef int8_t sl_input_t;
#endif
