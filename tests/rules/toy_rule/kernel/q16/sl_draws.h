/* What the host reads of a forward pass: nothing is sampled. */
#pragma once
#include "sl_rule.h"

#define sl_mean_output(scratch, output)        ((double)(scratch)->logit_sum[output] / 65536.0)
#define sl_drawn_output(scratch, output, draw) ((void)(draw), sl_mean_output(scratch, output))
