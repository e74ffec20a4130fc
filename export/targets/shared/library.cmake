# The learner as a library without a binary of its own: it is compiled with your flags.
#     add_subdirectory(this_folder)
#     target_link_libraries(your_program PRIVATE @NAME@)
cmake_minimum_required(VERSION 3.13)
if(NOT DEFINED PROJECT_NAME)
  project(@NAME@ C)
endif()
add_library(@NAME@ INTERFACE)
target_sources(@NAME@ INTERFACE
    @SOURCE_LINES_HERE@
)
target_include_directories(@NAME@ INTERFACE ${CMAKE_CURRENT_LIST_DIR}/src)
