#include "placement/proc_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fcntl.h>
#include <unistd.h>

namespace epmd {

std::string read_proc_file(const std::filesystem::path& name, std::size_t at_most_bytes) {
    std::string content;
    const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return content;
    }
    std::array<char, 4096> buffer; // NOLINT: filled by read
    for (;;) {
        const auto size = ::read(file, buffer.data(), buffer.size());
        if (size <= 0 || content.size() >= at_most_bytes) {
            break;
        }
        content.append(buffer.data(), std::min(static_cast<std::size_t>(size), at_most_bytes - content.size()));
    }
    ::close(file);
    return content;
}

} // namespace epmd
