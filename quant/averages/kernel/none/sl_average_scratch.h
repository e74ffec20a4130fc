/* No averaged weights, and nothing in the scratch for them. */
#pragma once

#define SL_AVERAGE_SCRATCH
