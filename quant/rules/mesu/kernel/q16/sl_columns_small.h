/* Built for size: nothing is made ready for the columns of layer 0. */
#pragma once

#include "sl_columns_scalar.h"

typedef uint32_t sl_columns_t;
