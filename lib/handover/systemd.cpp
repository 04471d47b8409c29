#include "handover/systemd.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace epmd {
namespace {

/// sd_listen_fds(3): SD_LISTEN_FDS_START.
constexpr int first_passed_descriptor = 3;

std::optional<int> number_in(const char* variable) {
    const char* text = std::getenv(variable); // NOLINT(concurrency-mt-unsafe): before any thread
    if (text == nullptr) {
        return std::nullopt;
    }
    int value = 0;
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc() && stop == end && stop != text ? std::optional(value) : std::nullopt;
}

} // namespace

std::vector<int> take_passed_sockets() {
    const auto whose = number_in("LISTEN_PID");
    const auto count = number_in("LISTEN_FDS");
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
        ::unsetenv(variable); // NOLINT(concurrency-mt-unsafe): before any thread
    }
    std::vector<int> passed;
    if (whose != ::getpid()) {
        return passed;
    }
    for (int descriptor = first_passed_descriptor; descriptor - first_passed_descriptor < count.value_or(0);
         ++descriptor) {
        if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
            break; // fewer are there than were announced
        }
        passed.push_back(descriptor);
    }
    return passed;
}

void notify_service_manager(std::string_view state) {
    const char* variable = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe): nobody writes it
    if (variable == nullptr) {
        return;
    }
    const std::string_view path = variable;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto fail = [&](int error) {
        throw std::system_error(error, std::generic_category(), "cannot notify NOTIFY_SOCKET=" + std::string(path));
    };
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        fail(EINVAL);
    }
    std::copy(path.begin(), path.end(), std::begin(address.sun_path));
    if (path.front() == '@') {
        address.sun_path[0] = '\0'; // the abstract name space, unix(7)
    }
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const bool is_sent = descriptor >= 0 && ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
                                                     reinterpret_cast<const sockaddr*>(&address), length) >= 0;
    const int error = errno;
    if (descriptor >= 0) {
        ::close(descriptor);
    }
    if (!is_sent) {
        fail(error);
    }
}

} // namespace epmd
