#include "status/user_names.hpp"

#include <array>
#include <cstdio>
#include <memory>

#include <pwd.h>

namespace epmd {
namespace {

struct closes {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

} // namespace

std::string user_names::name_of(std::uint32_t uid) {
    auto found = names_.find(uid);
    const auto now = std::chrono::steady_clock::now();
    if (found == names_.end() &&
        (read_at_ == std::chrono::steady_clock::time_point() || read_at_ + shortest_interval < now)) {
        read_at_ = now;
        read();
        found = names_.find(uid);
    }
    return found == names_.end() ? std::string() : found->second;
}

void user_names::read() {
    const std::unique_ptr<std::FILE, closes> file(std::fopen("/etc/passwd", "re"));
    passwd one{};
    passwd* found = nullptr;
    std::array<char, 4096> room{};
    names_.clear();
    while (file && ::fgetpwent_r(file.get(), &one, room.data(), room.size(), &found) == 0 && found != nullptr) {
        names_.try_emplace(found->pw_uid, found->pw_name); // of two the first counts, as for getpwuid(3)
    }
}

} // namespace epmd
