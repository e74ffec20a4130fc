/* The port of Arduino. Slots are files where the core brings LittleFS; elsewhere nothing is saved
 * until you write the three functions for your board's EEPROM, FRAM or flash. */
#include <Arduino.h>

#include <sl_port.h>

#if defined(ARDUINO_ARCH_RP2040) || defined(ARDUINO_ARCH_ESP32) || defined(ARDUINO_ARCH_ESP8266)
#include <LittleFS.h>

static const char *const names[2] = {"/sl_slot0.bin", "/sl_slot1.bin"};

static bool mounted() {
    static bool is = false;
#if defined(ARDUINO_ARCH_ESP32)
    is = is || LittleFS.begin(true); /* formats what was never used */
#else
    is = is || LittleFS.begin();
#endif
    return is;
}

int32_t sl_port_erase(uint32_t slot) {
    if (!mounted()) {
        return 1;
    }
    File file = LittleFS.open(names[slot], "w");
    const bool made = (bool)file;
    file.close();
    return made ? 0 : 1;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    (void)offset; /* blocks come in order */
    File file = LittleFS.open(names[slot], "a");
    const bool whole = file && file.write((const uint8_t *)bytes, size) == size;
    file.close();
    return whole ? 0 : 1;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    if (!mounted() || !LittleFS.exists(names[slot])) {
        return 1;
    }
    File file = LittleFS.open(names[slot], "r");
    const bool whole = file && file.seek(offset) && file.read((uint8_t *)bytes, size) == size;
    file.close();
    return whole ? 0 : 1;
}

#else

int32_t sl_port_erase(uint32_t slot) {
    (void)slot;
    return 1;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    (void)slot;
    (void)offset;
    (void)bytes;
    (void)size;
    return 1;
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    (void)slot;
    (void)offset;
    (void)bytes;
    (void)size;
    return 1;
}

#endif

void sl_port_print(const char *text) {
    Serial.print(text);
}
