/* Values are no events, and leave no reference in the scratch. */
#pragma once

#define SL_EVENTS_SCRATCH
