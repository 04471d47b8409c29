// Fuzzes a command line or an environment, as /proc has it.
#include "fuzz/targets.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    epmd::fuzz::node_name_of_command_line(
        std::string_view(reinterpret_cast<const char*>(data), size)); // NOLINT: bytes are bytes
    return 0;
}
