#include "handover/systemd.hpp"

#include "handover/rights.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace epmd {
namespace {

/// sd_listen_fds(3): SD_LISTEN_FDS_START.
constexpr int first_passed_descriptor = 3;

/// "PID FD:NAME FD:NAME": see variable_for_passing.
constexpr const char* predecessors_variable = "LOOPMD_PASSED";

/// Empty where it is not set.
std::string text_in(const char* variable) {
    const char* const text = std::getenv(variable); // NOLINT(concurrency-mt-unsafe): before any thread
    return text == nullptr ? "" : text;
}

template <typename Number = int>
std::optional<Number> number_of(std::string_view text) {
    Number value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

template <typename Number>
std::optional<Number> number_in(const char* variable) {
    return number_of<Number>(text_in(variable));
}

/// What stands before the first `mark`, which goes with it out of the text.
std::string_view cut_until(std::string_view& text, char mark) {
    const auto part = text.substr(0, text.find(mark));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

} // namespace

std::vector<passed_descriptor> passed_in(std::string_view value, int pid) {
    std::vector<passed_descriptor> announced;
    if (number_of(cut_until(value, ' ')) != pid) {
        return announced;
    }
    while (!value.empty()) {
        auto name = cut_until(value, ' ');
        const auto descriptor = number_of(cut_until(name, ':'));
        announced.push_back({descriptor.value_or(-1), std::string(name)});
    }
    return announced;
}

std::vector<passed_descriptor> take_passed_descriptors() {
    const auto whose = number_in<int>("LISTEN_PID");
    const auto count = number_in<int>("LISTEN_FDS");
    const auto all_names = text_in("LISTEN_FDNAMES");
    std::string_view names = all_names;
    std::vector<passed_descriptor> announced = passed_in(text_in(predecessors_variable), ::getpid());
    if (whose == ::getpid()) {
        for (int i = 0; i < count.value_or(0) && ::fcntl(first_passed_descriptor + i, F_GETFD) >= 0; ++i) {
            announced.push_back({first_passed_descriptor + i, std::string(cut_until(names, ':'))});
        }
    }
    for (const char* one : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", predecessors_variable}) {
        ::unsetenv(one); // NOLINT(concurrency-mt-unsafe): before any thread
    }
    std::vector<passed_descriptor> passed;
    std::set<std::pair<dev_t, ino_t>> known;
    for (auto& one : announced) {
        struct stat status {};
        if (::fstat(one.descriptor, &status) != 0) {
            continue;
        }
        ::fcntl(one.descriptor, F_SETFD, FD_CLOEXEC);
        if (known.emplace(status.st_dev, status.st_ino).second) {
            passed.push_back(std::move(one));
        } else {
            ::close(one.descriptor);
        }
    }
    return passed;
}

std::string variable_for_passing(int pid, std::span<const passed_descriptor> passed) {
    auto text = std::string(predecessors_variable) + "=" + std::to_string(pid);
    for (const auto& one : passed) {
        text += " " + std::to_string(one.descriptor) + ":" + one.name;
    }
    return text;
}

bool is_successor() {
    const auto value = text_in(predecessors_variable);
    std::string_view rest = value;
    return number_of(cut_until(rest, ' ')) == ::getpid();
}

std::unique_ptr<service_manager> service_manager::find() {
    const auto path = text_in("NOTIFY_SOCKET");
    return path.empty() ? nullptr : std::make_unique<service_manager>(path);
}

service_manager::service_manager(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto fail = [&](int error) {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
        throw std::system_error(error, std::generic_category(), "cannot notify NOTIFY_SOCKET=" + std::string(path));
    };
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        fail(EINVAL);
    }
    std::copy(path.begin(), path.end(), std::begin(address.sun_path));
    if (path.front() == '@') {
        address.sun_path[0] = '\0'; // the abstract name space, unix(7)
    }
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (descriptor_ < 0 || ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        fail(errno);
    }
}

service_manager::~service_manager() {
    ::close(descriptor_);
}

std::error_code service_manager::tell(std::string_view state, std::span<const int> descriptors) noexcept {
    return send_with_descriptors(descriptor_, state, descriptors);
}

std::error_code service_manager::store(std::string_view name, std::span<const int> descriptors) {
    return tell("FDSTORE=1\nFDPOLL=0\nFDNAME=" + std::string(name), descriptors);
}

std::error_code service_manager::remove(std::string_view name) {
    return tell("FDSTOREREMOVE=1\nFDNAME=" + std::string(name));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto whose = number_in<int>("WATCHDOG_PID");
    const auto interval = number_in<std::int64_t>("WATCHDOG_USEC");
    if (!interval || *interval <= 0 || (whose && *whose != ::getpid())) {
        return std::nullopt;
    }
    return std::chrono::microseconds(*interval);
}

} // namespace epmd
