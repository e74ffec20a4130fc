/* The entry of the .mpy file: it comes first, makes pointers right, and fills the module. */
#include "py/runtime.h"

extern uint8_t standin_base[]; /* the first byte of the image, which was linked to 0 */
extern const uint32_t standin_relocations[], standin_relocations_end[];
extern const mp_obj_module_t *const standin_module;

void **standin_table;
const uint16_t *standin_qstrs;

typedef struct {
    uint8_t zero[2], kind, is_generator;
    mp_call_t code;
    void *rest[4];
} raw_code_t;

__attribute__((section(".text.entry"))) mp_obj_t standin_entry(mp_fun_t *self) {
    for (const uint32_t *at = standin_relocations; at < standin_relocations_end; at++) {
        *(uintptr_t *)(standin_base + *at) += (uintptr_t)standin_base;
    }
    standin_table = self->context->objects[0];
    standin_qstrs = self->context->qstrs;
    void *const before = FUN(F_SWAP_GLOBALS, void *, void *)(self->context->globals);
    const mp_obj_dict_t *const globals = standin_module->globals;
    for (size_t i = 0; i < globals->n; i++) {
        const mp_rom_map_elem_t *const row = &globals->rows[i];
        const uintptr_t name = (uintptr_t)row->key;
        if (name == MP_QSTR___name__) {
            continue;
        }
        const raw_code_t raw = {{0u, 0u}, 4u, 0u, ((const fun_obj_t *)row->value)->call, {0}};
        const mp_obj_t made = FUN(F_MAKE_FUNCTION, mp_obj_t, const void *, void *,
                                  void *)(&raw, self->context, (void *)0);
        FUN(F_STORE_GLOBAL, void, mp_uint_t, mp_obj_t)(standin_qstrs[name], made);
    }
    (void)FUN(F_SWAP_GLOBALS, void *, void *)(before);
    return mp_const_none;
}

void *memcpy(void *to, const void *from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((volatile uint8_t *)to)[i] = (uint8_t)value;
    }
    return to;
}

size_t strlen(const char *text) {
    size_t n = 0;
    while (((const volatile char *)text)[n] != 0) {
        n++;
    }
    return n;
}
