#include "service/user_counts.hpp"

namespace epmd {

void user_counts::add(connection_number connection, std::optional<std::uint32_t> uid) {
    if (uid && user_of_.emplace(connection, *uid).second) {
        ++counts_[*uid];
    }
}

void user_counts::remove(connection_number connection) {
    const auto known = user_of_.find(connection);
    if (known == user_of_.end()) {
        return;
    }
    const auto count = counts_.find(known->second);
    if (--count->second == 0) {
        counts_.erase(count);
    }
    user_of_.erase(known);
}

std::size_t user_counts::of(std::uint32_t uid) const {
    const auto known = counts_.find(uid);
    return known == counts_.end() ? 0 : known->second;
}

} // namespace epmd
