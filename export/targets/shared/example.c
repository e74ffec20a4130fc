#include "sl_example.h"

#include <stdio.h>

#include "sl_port.h"

#define SAVE_EVERY 100u /* samples learned: flash wears, so not every one */

static float x[SL_MODEL_FEATURES];
static uint32_t learned;

void sl_example_begin(void) {
    char line[96];
    const int32_t source = sl_model_begin();
    snprintf(line, sizeof line, "%s state, %lu samples learned\n",
             source == SL_MODEL_SAVED ? "saved" : "exported", (unsigned long)sl_model_samples());
    sl_port_print(line);
}

#if !SL_MODEL_CLASSES
/* A number with three digits behind the point: not every printf has floats. */
static void print_number(float value) {
    char text[32];
    const long thousandths = (long)(value * 1000.0f);
    const long size = thousandths < 0 ? -thousandths : thousandths;
    snprintf(text, sizeof text, "%s%ld.%03ld", thousandths < 0 ? "-" : "", size / 1000,
             size % 1000);
    sl_port_print(text);
}
#endif

/* The predicted class's name, or the predicted number. */
static void print_answer(int32_t answer) {
    if (answer < 0) {
        sl_port_print(answer == SL_MODEL_UNKNOWN_CLASS ? "refused: unknown class"
                                                       : "refused: a value is not finite");
    } else {
#if SL_MODEL_CLASSES
        sl_port_print(sl_model_class_names[answer]);
#else
        print_number(sl_model_prediction()[0]);
#endif
    }
}

static void print_truth(sl_model_target target) {
    sl_port_print(" was ");
#if SL_MODEL_CLASSES
    sl_port_print(sl_model_class_names[target]);
#else
    print_number(target);
#endif
}

int32_t sl_example_step(void) {
    sl_model_target target = 0;
    const int32_t read = sl_read_sensor(x, &target);
    if (read == SL_SENSOR_END) {
        sl_port_print(sl_model_save() == 0 ? "saved\n" : "not saved\n");
        return 0;
    }
    const int32_t answer =
        read == SL_SENSOR_LABEL ? sl_model_learn(x, target) : sl_model_predict(x);
    print_answer(answer);
    if (read == SL_SENSOR_LABEL && answer >= 0) {
        print_truth(target);
        if (++learned % SAVE_EVERY == 0u) {
            sl_port_print(sl_model_save() == 0 ? ", saved" : ", not saved");
        }
    }
    sl_port_print("\n");
    return 1;
}
