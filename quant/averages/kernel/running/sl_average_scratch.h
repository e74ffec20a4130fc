/* What averaged weights keep in the scratch: which weights a step reads. */
#pragma once

#include <stdint.h>

#define SL_AVERAGE_SCRATCH uint32_t averaged; /* 1: the averaged ones */
