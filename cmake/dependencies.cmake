# What loopmd is built on, and where Debian and Ubuntu keep it (scripts/setup installs it all).

# Debian 12 has Boost 1.81 beside its default 1.74, without the CMake files of a default Boost:
# the find module finds it by its headers. Newer releases bring their own configuration.
if(POLICY CMP0167)
  cmake_policy(SET CMP0167 OLD)
endif()
find_package(Boost 1.81 REQUIRED COMPONENTS program_options)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
