#include "doctor/regular_file.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20U;

unreadable why_not(int error) {
    if (error == ENOENT || error == ENOTDIR) {
        return unreadable::missing;
    }
    return error == EACCES || error == EPERM ? unreadable::forbidden : unreadable::failed;
}

/// What was found is opened to be read, if it is a regular file: some devices do something when they are opened.
int open_to_read(int found, struct stat& status, unreadable& why) {
    if (::fstat(found, &status) != 0 || !S_ISREG(status.st_mode)) {
        why = unreadable::no_file;
        return -1;
    }
    const auto link = "/proc/self/fd/" + std::to_string(found);
    const int file = ::open(link.c_str(), O_RDONLY | O_CLOEXEC);
    why = file < 0 ? why_not(errno) : why;
    return file;
}

std::optional<file_content> read_all(int file, const struct stat& status, unreadable& why) {
    file_content result{.text = {}, .owner = status.st_uid, .mode = status.st_mode};
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
    const int found = ::open(name.c_str(), O_PATH | O_CLOEXEC);
    if (found < 0) {
        why = why_not(errno);
        return std::nullopt;
    }
    struct stat status {};
    const int file = open_to_read(found, status, why);
    ::close(found);
    if (file < 0) {
        return std::nullopt;
    }
    auto result = read_all(file, status, why);
    ::close(file);
    return result;
}

std::optional<std::string> read_public_file(const std::filesystem::path& name) {
    auto why = unreadable::missing;
    auto found = read_regular_file(name, why);
    return found ? std::optional(std::move(found->text)) : std::nullopt;
}

} // namespace epmd::ctl::doctor
