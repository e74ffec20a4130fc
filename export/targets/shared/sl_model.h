/* One learner, with its memory: predict, learn, save. C99, and C++ may include it.
 *
 *     sl_model_begin();
 *     predicted = sl_model_learn(x, target);
 *     sl_model_save();
 *
 * What it was told stays in RAM until sl_model_save() hands it to the port (sl_port.h). Nothing
 * here is for interrupts: call it from one place. */
#ifndef SL_MODEL_H
#define SL_MODEL_H

#include <stdint.h>

#include "sl_model_sizes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where sl_model_begin() took the state from. */
enum { SL_MODEL_EXPORTED = 0, SL_MODEL_SAVED = 1 };

/* What predicting and learning return below 0: the state is then as before. */
enum { SL_MODEL_NOT_FINITE = -1, SL_MODEL_UNKNOWN_CLASS = -2 };

/* In the order of x, and of the class numbers; UTF-8. */
extern const char *const sl_model_feature_names[SL_MODEL_FEATURES];
extern const char *const sl_model_class_names[SL_MODEL_CLASSES + 1];

/* Takes the newest state that was saved whole, or else the one that was exported. Call it first. */
int32_t sl_model_begin(void);

/* Returns the number of the predicted class, or 0 of a learner of numbers: then
 * sl_model_prediction() has the answer. x: SL_MODEL_FEATURES raw values, in the sensor's units. */
int32_t sl_model_predict(const float *x);

/* The same, predicted before the sample is learned. target: the class's number, or the value. */
int32_t sl_model_learn(const float *x, sl_model_target target);

/* A learner of numbers: mean, and the standard deviations of noise and of not knowing better.
 * A classifier: the number of the class. */
const float *sl_model_prediction(void);

/* Writes the state through the port. Returns 0, or 1 if it was not taken: the one saved before is
 * still there then. */
int32_t sl_model_save(void);

/* Samples learned, and the SL_MODEL_STATE_BYTES bytes of the state, for who sends it elsewhere. */
uint32_t sl_model_samples(void);
const void *sl_model_state(void);

/* Takes such bytes back, from an address that is a multiple of 8. Returns 0, or 1 if there are not
 * SL_MODEL_STATE_BYTES of them or no learner reaches such a state: then everything is as before. */
int32_t sl_model_set_state(const void *bytes, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif
