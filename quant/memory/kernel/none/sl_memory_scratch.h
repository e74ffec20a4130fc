/* No memory, and nothing in the scratch for it. */
#pragma once

#define SL_MEMORY_SCRATCH
