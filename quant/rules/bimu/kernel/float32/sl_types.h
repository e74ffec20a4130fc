/* What BiMU in float32 computes with. */
#pragma once

typedef float sl_value_t; /* of noise */
