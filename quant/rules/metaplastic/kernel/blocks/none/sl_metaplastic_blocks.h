/* Without blocks of hidden units nothing of the scratch is theirs. */
#pragma once

#define SL_BLOCKS_SCRATCH(score_t)
