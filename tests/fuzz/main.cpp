// Feeds libFuzzer's inputs to the target that the build names (CMakeLists.txt).
#include "fuzz/targets.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    epmd::fuzz::LOOPMD_FUZZ_TARGET(
        std::string_view(reinterpret_cast<const char*>(data), size)); // NOLINT: bytes are bytes
    return 0;
}
