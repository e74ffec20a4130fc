/* How a function that is assembly as a whole is declared. */
#pragma once

#define SL_ASSEMBLY static __attribute__((naked, noinline, unused))
#define SL_ARGUMENT __attribute__((unused))
