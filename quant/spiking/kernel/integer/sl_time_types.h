/* What spiking layers remember in, in integers. */
#pragma once

#include <stdint.h>

typedef int16_t sl_trace_t;  /* Q6.9: of inputs, resets and spikes */
typedef int32_t sl_charge_t; /* Q15.16; of a variance Q11.20 */
typedef uint8_t sl_gate_t;   /* Q0.7: the derivative of a spike */
typedef uint8_t sl_own_t;    /* Q3.4 in the first hidden layer, else 0 or 1: brought to itself */
typedef int16_t sl_passed_t; /* an input of a later layer */
