# Writes the C++ file OUTPUT, which has the bytes of FILES as texts of the namespace NAMESPACE, each named as its file without the
# extension; HEADER declares them.
#
# cmake -DOUTPUT=… -DHEADER=… -DNAMESPACE=… -DFILES=a.html,b.css -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
string(REPEAT "." 128 thirty_two_bytes)
set(text "// Made by cmake/embed.cmake.\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  file(SIZE "${file}" size)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "(${thirty_two_bytes})" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND text "\nconst std::string_view ${name}(\n    \"${bytes}\",\n    ${size});\n")
endforeach()
string(APPEND text "\n} // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${text}")
