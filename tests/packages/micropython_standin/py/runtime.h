/* What module.c needs of MicroPython, over the table of functions that MicroPython gives to native
 * code in .mpy files (version 6.3, 64 bits): so the user module is imported without building the
 * whole of MicroPython. tests/packages/native_mpy.py packs it. */
#ifndef STANDIN_RUNTIME_H
#define STANDIN_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "qstrs.h"

typedef void *mp_obj_t;
typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef double mp_float_t;
typedef uint8_t byte;
typedef mp_obj_t (*mp_call_t)(mp_obj_t self, size_t n_args, size_t n_kw, mp_obj_t *args);
typedef struct {
    void *buf;
    size_t len;
    int typecode;
} mp_buffer_info_t;
typedef struct {
    void *type;
    void *globals;
    const uint16_t *qstrs;
    mp_obj_t *objects;
} mp_context_t;
typedef struct {
    void *type;
    mp_context_t *context;
} mp_fun_t;
typedef struct {
    mp_call_t call;
} fun_obj_t;
typedef struct {
    const void *key;
    const void *value;
} mp_rom_map_elem_t;
typedef struct {
    struct {
        const void *type;
    } base;
    const void *globals;
} mp_obj_module_t;
typedef struct {
    const mp_rom_map_elem_t *rows;
    size_t n;
} mp_obj_dict_t;

/* Places in the table: py/nativeglue.h. */
enum {
    F_NONE = 0,
    F_FROM_OBJ = 3,
    F_TO_OBJ = 4,
    F_SWAP_GLOBALS = 5,
    F_LOAD_GLOBAL = 7,
    F_STORE_GLOBAL = 13,
    F_SUBSCR = 15,
    F_TUPLE = 19,
    F_MAKE_FUNCTION = 26,
    F_CALL = 27,
    F_RAISE = 34,
    F_REALLOC = 52,
    F_RAISE_MSG = 55,
    F_STR = 57,
    F_BYTES = 58,
    F_FLOAT = 61,
    F_GET_FLOAT = 63,
    F_BUFFER = 65
};
enum { MP_BUFFER_READ = 1, RAISE_IF_NONE = 4, TYPE_INT = 2, TYPE_UINT = 3, MOST_ITEMS = 1024 };

static const char mp_type_module = 0;
extern void **standin_table;
extern const uint16_t *standin_qstrs;

#define FUN(at, result, ...) ((result (*)(__VA_ARGS__))standin_table[at])
#define GLOBAL(name)         FUN(F_LOAD_GLOBAL, mp_obj_t, mp_uint_t)(standin_qstrs[MP_QSTR_##name])

#define mp_const_none             (standin_table[F_NONE])
#define MP_OBJ_NEW_SMALL_INT(i)   ((mp_obj_t)(((mp_uint_t)(mp_int_t)(i) << 1) | 1u))
#define MP_ERROR_TEXT(text)       text
#define mp_type_IndexError        IndexError
#define RAISE(kind, text)         FUN(F_RAISE_MSG, void, mp_obj_t, const char *)(GLOBAL(kind), text)
#define mp_raise_ValueError(text) RAISE(ValueError, text)
#define mp_raise_type(of)         FUN(F_RAISE, void, mp_obj_t)(GLOBAL(IndexError))
#define mp_obj_get_int(o)         FUN(F_FROM_OBJ, mp_int_t, mp_obj_t, mp_uint_t)(o, TYPE_INT)
#define mp_obj_new_int_from_uint(u) FUN(F_TO_OBJ, mp_obj_t, mp_uint_t, mp_uint_t)(u, TYPE_UINT)
#define mp_obj_get_float(o)         FUN(F_GET_FLOAT, double, mp_obj_t)(o)
#define mp_obj_new_float(f)         FUN(F_FLOAT, mp_obj_t, double)(f)
#define mp_obj_new_tuple(n, o)      FUN(F_TUPLE, mp_obj_t, size_t, const mp_obj_t *)(n, o)
#define mp_obj_new_bytes(at, n)     FUN(F_BYTES, mp_obj_t, const byte *, size_t)(at, n)
#define mp_obj_new_str(at, n)       FUN(F_STR, mp_obj_t, const char *, size_t)(at, n)
#define mp_get_buffer_raise(o, info, flags)                                                        \
    FUN(F_BUFFER, int, mp_obj_t, mp_buffer_info_t *, mp_uint_t)(o, info, (flags) | RAISE_IF_NONE)
#define m_new(type, n)                                                                             \
    ((type *)FUN(F_REALLOC, void *, void *, size_t, int)(0, sizeof(type) * (n), 0))
#define m_del(type, at, n)      ((void)FUN(F_REALLOC, void *, void *, size_t, int)(at, 0, 0))
#define mp_printf(out, f, text) ((void)(text)) /* module.c prints nothing by itself */

static inline void mp_obj_get_array(mp_obj_t given, size_t *n, mp_obj_t **items) {
    static mp_obj_t found[MOST_ITEMS];
    *n = (size_t)mp_obj_get_int(
        FUN(F_CALL, mp_obj_t, mp_obj_t, size_t, mp_obj_t *)(GLOBAL(len), 1, &given));
    for (size_t i = 0; i < *n && i < MOST_ITEMS; i++) {
        const mp_obj_t load = (mp_obj_t)4;
        found[i] = FUN(F_SUBSCR, mp_obj_t, mp_obj_t, mp_obj_t,
                       mp_obj_t)(given, MP_OBJ_NEW_SMALL_INT(i), load);
    }
    *items = found;
}

#define DEFINE_FUN(name, n, ...)                                                                   \
    const fun_obj_t name;                                                                          \
    static mp_obj_t name##_call(mp_obj_t self, size_t n_args, size_t n_kw, mp_obj_t *args) {       \
        (void)self;                                                                                \
        (void)args;                                                                                \
        if (n_args != (n) || n_kw != 0u) {                                                         \
            RAISE(TypeError, "other arguments than the function has");                             \
        }                                                                                          \
        return __VA_ARGS__;                                                                        \
    }                                                                                              \
    static const fun_obj_t name = {name##_call}
#define MP_DEFINE_CONST_FUN_OBJ_0(name, f) DEFINE_FUN(name, 0u, f())
#define MP_DEFINE_CONST_FUN_OBJ_1(name, f) DEFINE_FUN(name, 1u, f(args[0]))
#define MP_DEFINE_CONST_FUN_OBJ_2(name, f) DEFINE_FUN(name, 2u, f(args[0], args[1]))

#define MP_ROM_QSTR(name) ((const void *)(uintptr_t)(name))
#define MP_ROM_PTR(fun)   ((const void *)(fun))
#define MP_DEFINE_CONST_DICT(name, table)                                                          \
    const mp_obj_dict_t name = {table, sizeof(table) / sizeof((table)[0])}
#define MP_REGISTER_MODULE(name, module) const mp_obj_module_t *const standin_module = &(module)

#endif
