/* Without spiking layers nothing of the scratch is theirs. */
#pragma once

#define SL_IN_TIME          0
#define SL_LEARNED(scratch) ((void)(scratch), 1u)
#define SL_TIME_SCRATCH
