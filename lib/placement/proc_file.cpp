#include "placement/proc_file.hpp"

#include <array>
#include <cstddef>

#include <fcntl.h>
#include <unistd.h>

namespace epmd {

std::string read_proc_file(const std::filesystem::path& name) {
    constexpr std::size_t longest_file_bytes = 2U << 20U;
    std::string content;
    const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return content;
    }
    std::array<char, 4096> buffer; // NOLINT: filled by read
    for (;;) {
        const auto size = ::read(file, buffer.data(), buffer.size());
        if (size <= 0 || content.size() > longest_file_bytes) {
            break;
        }
        content.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(file);
    return content;
}

} // namespace epmd
