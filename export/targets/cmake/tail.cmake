
# The example, when this folder is built by itself.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  add_executable(example example/main.c example/example.c example/sensor.c example/port.c)
  target_include_directories(example PRIVATE example)
  target_link_libraries(example PRIVATE @NAME@)
  set_target_properties(example PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
endif()
