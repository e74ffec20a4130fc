get_filename_component(package ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
get_filename_component(package ${package} NAME) # a component is called as its folder
idf_component_register(
  SRCS main.c example.c sensor.c port.c
  INCLUDE_DIRS .
  REQUIRES ${package} esp_partition
)
