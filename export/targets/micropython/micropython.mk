# For ports that are built by make: USER_C_MODULES=the folder that this folder lies in.
@PREFIX_UPPER@_DIR := $(USERMOD_DIR)
SRC_USERMOD_C += $(@PREFIX_UPPER@_DIR)/module.c
SRC_USERMOD_LIB_C += $(sort $(wildcard $(@PREFIX_UPPER@_DIR)/src/*.c))
CFLAGS_USERMOD += -I$(@PREFIX_UPPER@_DIR)/src
