# For ports that are built by CMake: USER_C_MODULES=this file.
add_library(usermod_@NAME@ INTERFACE)
target_sources(usermod_@NAME@ INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/module.c
    @SOURCE_LINES_HERE@
)
target_include_directories(usermod_@NAME@ INTERFACE ${CMAKE_CURRENT_LIST_DIR}/src)
target_link_libraries(usermod INTERFACE usermod_@NAME@)
