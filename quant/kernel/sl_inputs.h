/* Rows of the first layer beside the bias: one for each feature, or more where the front end makes
 * several inputs of one. */
#pragma once

#include "sl_config.h"

#ifndef SL_N_INPUTS
#define SL_N_INPUTS SL_N_FEATURES
#endif
