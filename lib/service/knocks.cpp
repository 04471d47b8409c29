#include "service/knocks.hpp"

#include <algorithm>
#include <utility>

namespace epmd {

bool knocks::note(std::string_view alive_name, std::uint16_t port, std::uint64_t listener_inode) {
    const auto known =
        std::find_if(all_.begin(), all_.end(), [&](const knock& one) { return one.is_of(alive_name, port); });
    knock fresh{.alive_name = std::string(alive_name), .port = port, .listener_inode = listener_inode};
    bool is_same = false;
    if (known != all_.end()) {
        fresh.listener_inode = listener_inode != 0 ? listener_inode : known->listener_inode;
        is_same = known->listener_inode == 0 || known->listener_inode == fresh.listener_inode;
        all_.erase(known);
    } else if (all_.size() >= max_remembered) {
        all_.pop_front();
    }
    all_.push_back(std::move(fresh));
    return is_same;
}

void knocks::forget(std::string_view alive_name, std::uint16_t port) {
    std::erase_if(all_, [&](const knock& one) { return one.is_of(alive_name, port); });
}

bool knocks::contains(std::string_view alive_name, std::uint16_t port, std::uint64_t listener_inode) const {
    return listener_inode != 0 && std::any_of(all_.begin(), all_.end(), [&](const knock& one) {
               return one.listener_inode == listener_inode && one.is_of(alive_name, port);
           });
}

} // namespace epmd
