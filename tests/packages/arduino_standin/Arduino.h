// As much of Arduino as the example touches, so that a computer compiles the sketch.
#pragma once
#include <cstdint>

struct StandInSerial {
    void begin(unsigned long) {}
    void print(const char *) {}
    explicit operator bool() const {
        return true;
    }
};
static StandInSerial Serial;
unsigned long millis();
void delay(unsigned long);
