/* Without spiking layers nothing of the scratch is theirs. */
#pragma once

#define SL_TIME_SCRATCH
