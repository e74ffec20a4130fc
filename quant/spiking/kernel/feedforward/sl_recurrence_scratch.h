/* Without recurrent connections nothing of the scratch is theirs. */
#pragma once

#define SL_RECURRENCE_SCRATCH
