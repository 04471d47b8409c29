# One private interface target for warnings and the sanitizers, so that no flag leaks to who links us.
add_library(loopmd_options INTERFACE)
target_compile_features(loopmd_options INTERFACE cxx_std_20)
target_compile_options(loopmd_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

set(LOOPMD_SANITIZE "" CACHE STRING "sanitizers to build with, as -fsanitize takes them")
if(NOT LOOPMD_SANITIZE) # a sanitizer sees what the others would only end
  include(cmake/hardening.cmake)
endif()

# What nobody calls of the libraries that are linked statically is left out: 0.6 MB of 4.1 that are resident at the start.
if(LOOPMD_STATIC)
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-Wl,--gc-sections)
endif()

if(LOOPMD_SANITIZE)
  target_compile_options(loopmd_options INTERFACE
    -fsanitize=${LOOPMD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(loopmd_options INTERFACE -fsanitize=${LOOPMD_SANITIZE})
  if(LOOPMD_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14 cannot emit coroutines with this check ("Cannot represent a difference across sections").
    target_compile_options(loopmd_options INTERFACE -fno-sanitize=function)
  endif()
  if(LOOPMD_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has fences of which TSan knows nothing; it sees the locks beside them.
    target_compile_options(loopmd_options INTERFACE -Wno-tsan)
  endif()
  # A recycled coroutine frame hides a use after free from the sanitizer.
  target_compile_definitions(loopmd_options INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
endif()
