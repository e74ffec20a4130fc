/* The prior's pull on a row: picks the loop that suits the processor. Each file has sl_pull_row,
 * and all of them give the bits of sl_mesu_pull_row_q16. */
#pragma once

#include "sl_build.h"

#if SL_SMALL
#include "sl_pull_plain.h"
#elif !defined(SL_HOST)
#include "sl_chip_pull.h"
#elif defined(__AVX2__)
#include "sl_pull_avx2.h"
#else
#include "sl_pull_plain.h"
#endif
