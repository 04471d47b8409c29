# What makes a fault of ours harder to use: tests/structure/hardening.py looks for each of it in the built programs. Where flags are given
# from outside as well, as Debian's are (debian/rules), these come after them and say the same or more. docs/performance.md has what it costs.
include(CheckCXXCompilerFlag)

function(harden_if_known flag)
  string(MAKE_C_IDENTIFIER "LOOPMD_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(loopmd_options INTERFACE ${flag})
  endif()
endfunction()

# Code lies where nobody knows beforehand; what the linker has filled in is read-only before main begins; no stack is code.
target_compile_options(loopmd_options INTERFACE -fPIE)
target_link_options(loopmd_options INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,text)

# An array that is written past its end is noticed before its function returns, and no frame jumps over the stack's guard page.
harden_if_known(-fstack-protector-strong)
harden_if_known(-fstack-clash-protection)

# x86: a jump that was bent leads to the beginning of a function at most, where system and C library make use of that.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i[3-6]86")
  harden_if_known(-fcf-protection)
endif()

# Calls of the C library that would write past an object whose size is known end the program. It needs an optimizer, which knows the sizes; 3
# is gcc 12's and clang 9's, and is 2 to a C library that knows no more.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
if("${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" MATCHES "-O[123s]")
  target_compile_options(loopmd_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  set(LOOPMD_HARDENED ON) # in all that the test looks for
endif()

# An index past the end of a container, and an empty optional that is read, end the program.
target_compile_definitions(loopmd_options INTERFACE _GLIBCXX_ASSERTIONS)
