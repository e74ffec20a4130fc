/* The learner's interface: what firmware and host call. Sizes, constants and sl_state_t come from
 * the generated sl_config.h, sl_scratch_t from the rule's sl_rule.h. No malloc, no stdio, no
 * globals that change; the caller owns all memory.
 *
 * x_bits: SL_N_FEATURES raw sensor values as IEEE-754 binary32 bit patterns.
 * target: the index of a class, 0 to SL_N_CLASSES - 1; or, if the head predicts a number, its
 * binary32 bits.
 *
 * Both verbs return the index of the predicted class, or SL_OK if the head predicts a number, or a
 * negative sl_status_t; on an error the state is unchanged. SL_PREDICTION(scratch, result) points
 * to the SL_PREDICTION_WORDS words of the answer: the class index; or mean, aleatoric and epistemic
 * standard deviation, as binary32 bits in the target's units. */
#pragma once

#include "sl_build.h"
#include "sl_config.h"
#include "sl_head_scratch.h"
#include "sl_rule.h"
#include "sl_status.h"

#if SL_CONFIG_VERSION != 1
#error "sl_config.h and the kernel are of different versions: export the learner again"
#endif

SL_API int32_t sl_learner_predict(const sl_state_t *state, sl_scratch_t *scratch,
                                  const uint32_t *x_bits);

/* The same with the mean weights and nothing drawn: about half the work, and it does not see
 * how unsure the weights are; an epistemic standard deviation is 0. Every other verb draws. */
#define SL_HAS_PREDICT_MEAN 1
SL_API int32_t sl_learner_predict_mean(const sl_state_t *state, sl_scratch_t *scratch,
                                       const uint32_t *x_bits);

/* The class by the memory alone, for a learner that has one: the network is not run. */
#define SL_HAS_RECALL 1
SL_API int32_t sl_learner_recall(const sl_state_t *state, sl_scratch_t *scratch,
                                 const uint32_t *x_bits);

/* Whether the label of the sample just predicted, with draws, is worth asking for: quant/asking.py.
 * `up`: how far the threshold rises where no label is asked for, Q.16, which sets their share; 0:
 * ask always. The caller keeps `asking`, zero at first. */
#if defined(SL_DRAWN) && (SL_N_CLASSES)
#define SL_HAS_ASK 1
typedef struct {
    int32_t fallen; /* the threshold below its upper end, Q.16 */
    int32_t quiet;  /* samples since one asked */
} sl_asking_t;

SL_API uint32_t sl_learner_asks(const sl_state_t *state, const sl_scratch_t *scratch, int32_t up,
                                sl_asking_t *asking);
#endif

/* Test, then train: returns what was predicted before learning. */
SL_API int32_t sl_learner_learn(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                uint32_t target);

/* Let a step of time pass that has no label. Returns what is predicted. Of a network without
 * spiking layers, for which no time passes, it is a prediction. */
SL_API int32_t sl_learner_advance(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits);

/* Forget what came before, as at the start of a recording; what was learned stays. */
SL_API void sl_learner_reset(sl_state_t *state);

/* The host's: as sl_learner_learn, of a sample whose next one is known: with the same bits, and
 * less work. next: NULL if there is none; else it has to be learned next, with the same scratch and
 * was_next 1. */
int32_t sl_learner_learn_before(sl_state_t *state, sl_scratch_t *scratch, const uint32_t *x_bits,
                                uint32_t target, const uint32_t *next, uint32_t next_target,
                                uint32_t was_next);

/* Writes SL_HEALTH_WORDS words: how many features the network saw nothing of; log2 of the step's
 * multiplier, int32 in Q.16; then the counters of sl_status.h since the scratch was zeroed. */
enum { SL_HEALTH_WORDS = 2 + SL_N_SAT };
SL_API void sl_learner_health(const sl_state_t *state, const sl_scratch_t *scratch,
                              uint32_t *words);
