#include "doctor/regular_file.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20U;

std::optional<file_content> read_all(int file, unreadable& why) {
    struct stat status {};
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        why = unreadable::no_file;
        return std::nullopt;
    }
    file_content result{.text = {}, .mode = status.st_mode};
    std::array<char, 4096> buffer; // NOLINT: filled by read
    for (;;) {
        const auto size = ::read(file, buffer.data(), buffer.size());
        if (size == 0) {
            return result;
        }
        if (size < 0 || result.text.size() > most_bytes) {
            why = size < 0 ? unreadable::failed : unreadable::too_long;
            return std::nullopt;
        }
        result.text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

} // namespace

std::optional<file_content> read_regular_file(const std::filesystem::path& name, unreadable& why) {
    const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); // nor does a FIFO make us wait
    if (file < 0) {
        why = errno == ENOENT || errno == ENOTDIR ? unreadable::missing
              : errno == EACCES || errno == EPERM ? unreadable::forbidden
                                                  : unreadable::failed;
        return std::nullopt;
    }
    auto result = read_all(file, why);
    ::close(file);
    return result;
}

std::optional<std::string> read_public_file(const std::filesystem::path& name) {
    auto why = unreadable::missing;
    auto found = read_regular_file(name, why);
    return found ? std::optional(std::move(found->text)) : std::nullopt;
}

} // namespace epmd::ctl::doctor
