/* What the units of layer 0 share in a step: picks the loops that suit the processor. Each file has
 *   sl_columns_t         what a sample's steps take from every unit
 *   sl_columns_set       sets it of one unit
 *   sl_columns_step      mu += rho X G of one row, rounded as NUMBERS.md says
 *   sl_columns_sum       sum x mu and square rho of all active rows
 *   sl_columns_set_rho   sets of one unit what steps of rho take
 *   sl_columns_step_rho  rho += d of one row; on the host 0 where sl_step_rho has to do it
 *   sl_columns_begin     on a chip before them: what all units share; on the host behind them: what
 *                        steps of rho take from their shift
 * the host's also
 *   sl_columns_mask      a bit for each of some rows whose factor is not 0
 * and all of them give the same bits. */
#pragma once

#include "sl_build.h"

#if defined(SL_HOST) && defined(__AVX2__)
#include "sl_columns_avx2.h"
#elif defined(SL_HOST) && defined(__ARM_NEON)
#include "sl_columns_neon.h"
#elif defined(SL_HOST)
#include "sl_columns_plain.h"
#elif SL_SMALL
#include "sl_columns_small.h"
#elif SL_DSP
#include "sl_columns_dsp.h"
#elif SL_THUMB1
#include "sl_columns_thumb.h"
#else
#include "sl_columns_word.h"
#endif
