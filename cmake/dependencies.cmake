# What loopmd is built on (scripts/setup installs it all).
# Debian 12 has Boost 1.81 beside its default 1.74; newer releases have a newer one as their default.
#
# LOOPMD_STATIC: only the C library stays shared, for it looks up host names by what nsswitch.conf(5) says. Every VM that starts
# its own epmd waits for the dynamic linker otherwise: see docs/performance.md.
option(LOOPMD_STATIC "link all libraries but the C library statically" OFF)
if(LOOPMD_STATIC)
  set(Boost_USE_STATIC_LIBS ON)
endif()
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS program_options)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto) # for the digest of cookies, in epmdctl only
add_library(loopmd_log INTERFACE)
if(LOOPMD_STATIC) # Debian has no static library of spdlog, nor of fmt: what is needed of their headers is compiled in
  target_link_libraries(loopmd_log INTERFACE spdlog::spdlog_header_only fmt::fmt-header-only)
else()
  target_link_libraries(loopmd_log INTERFACE spdlog::spdlog)
endif()
