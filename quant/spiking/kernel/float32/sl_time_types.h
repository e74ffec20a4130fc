/* What spiking layers remember in, in float32. */
#pragma once

typedef float sl_trace_t; /* of inputs, resets and spikes */
typedef float sl_charge_t;
typedef float sl_gate_t;   /* the derivative of a spike */
typedef float sl_own_t;    /* what a unit brings its own layer */
typedef float sl_passed_t; /* an input of a later layer */
