// Two learners in one program, and C++: both learn the same rows. Prints a state's bytes for each.
#include <cstdio>
#include <cstdlib>

#include "air_model.h"
#include "pump_model.h"
#include "air_port.h"
#include "pump_port.h"

extern "C" {
int32_t air_port_erase(uint32_t) {
    return 1;
}
int32_t pump_port_erase(uint32_t) {
    return 1;
}
int32_t air_port_program(uint32_t, uint32_t, const void *, uint32_t) {
    return 1;
}
int32_t pump_port_program(uint32_t, uint32_t, const void *, uint32_t) {
    return 1;
}
int32_t air_port_read(uint32_t, uint32_t, void *, uint32_t) {
    return 1;
}
int32_t pump_port_read(uint32_t, uint32_t, void *, uint32_t) {
    return 1;
}
}

int main() {
    static float x[AIR_MODEL_FEATURES];
    uint32_t label;
    air_model_begin();
    pump_model_begin();
    while (std::fread(x, sizeof x, 1, stdin) == 1 && std::fread(&label, 4, 1, stdin) == 1) {
        if (air_model_learn(x, label) < 0 || pump_model_learn(x, label) < 0) {
            return 1;
        }
    }
    std::fwrite(air_model_state(), AIR_MODEL_STATE_BYTES, 1, stdout);
    std::fwrite(pump_model_state(), PUMP_MODEL_STATE_BYTES, 1, stdout);
    return air_model_save() == 1 && pump_model_save() == 1 ? 0 : 1;
}
