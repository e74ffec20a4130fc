/* What a verb may answer, and what is counted when a value meets the end of its format. */
#pragma once

#define SL_STATUS_LIST(X)                                                                          \
    X(SL_OK, 0, "ok")                                                                              \
    X(SL_ERR_NOT_FINITE, -1, "an input is NaN or infinite")                                        \
    X(SL_ERR_LABEL, -2, "the label is not a class of this learner")                                \
    X(SL_ERR_DIVERGED, -3, "the state no longer gives finite outputs (float32 only)")              \
    X(SL_ERR_NO_MEMORY, -4, "this learner has no memory to recall from")

#define SL_STATUS_ENUM(name, value, text) name = value,
typedef enum { SL_STATUS_LIST(SL_STATUS_ENUM) } sl_status_t;
#undef SL_STATUS_ENUM

/* How often each kind of value met the end of its format since the scratch was zeroed. */
enum { SL_SAT_INPUT, SL_SAT_ACTIVATION, SL_SAT_GRADIENT, SL_SAT_MU, SL_SAT_RHO, SL_N_SAT };
