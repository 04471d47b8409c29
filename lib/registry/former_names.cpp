#include "registry/former_names.hpp"

#include <algorithm>
#include <utility>

namespace epmd {

former_name former_name_of(const registration& gone) {
    return {.alive_name = gone.self.alive_name,
            .port = gone.self.port,
            .descriptor = gone.descriptor,
            .found = gone.found,
            .creation_count = gone.creation_count};
}

void former_names::add(former_name gone) {
    // The same node may have been at another host before: only the last place counts.
    const auto is_replaced = [&](const former_name& one) {
        const bool is_same_node = one.port == gone.port && one.found.listener_inode != 0 &&
                                  one.found.listener_inode == gone.found.listener_inode;
        return one.found.where == gone.found.where || is_same_node;
    };
    const auto [first, last] = by_name_.equal_range(gone.alive_name);
    for (auto one = first; one != last;) {
        const auto replaced = one++;
        if (is_replaced(*replaced->second)) {
            gone.creation_count = std::max(gone.creation_count, replaced->second->creation_count);
            erase(replaced);
        }
    }
    const auto added = entries_.insert(entries_.end(), std::move(gone));
    by_name_.emplace(added->alive_name, added);
    if (entries_.size() > max_former_names) {
        const auto oldest = entries_.begin();
        greatest_forgotten_count_ = std::max(greatest_forgotten_count_, oldest->creation_count);
        const auto [begin, end] = by_name_.equal_range(oldest->alive_name);
        erase(std::find_if(begin, end, [&](const auto& one) { return one.second == oldest; }));
    }
}

void former_names::erase(index::iterator indexed) {
    const auto gone = indexed->second;
    by_name_.erase(indexed); // first: its key views the name
    entries_.erase(gone);
}

std::optional<std::uint32_t> former_names::last_creation_count(std::string_view alive_name) const {
    std::optional<std::uint32_t> greatest;
    const auto [first, last] = by_name_.equal_range(alive_name);
    std::for_each(first, last,
                  [&](const auto& one) { greatest = std::max(greatest.value_or(0), one.second->creation_count); });
    return greatest;
}

std::vector<finding> former_names::findings(std::string_view alive_name, std::uint16_t port) const {
    constexpr std::size_t few = 32; // a port is one node's at a time, and on few hosts. Chosen, not tuned
    std::vector<finding> result;
    const auto [first, last] = by_name_.equal_range(alive_name);
    for (auto one = first; one != last && result.size() < few; ++one) {
        if (one->second->port == port && one->second->found.listener_inode != 0) {
            result.push_back(one->second->found);
        }
    }
    return result;
}

} // namespace epmd
