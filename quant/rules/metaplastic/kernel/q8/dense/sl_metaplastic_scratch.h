/* What hidden units of the metaplastic rule leave in the scratch beside their sums: nothing. */
#pragma once

#define SL_HIDDEN_SCRATCH
#define SL_LAYER_MORE
