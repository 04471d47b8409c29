#include "service/newcomers.hpp"

#include <iterator>
#include <utility>

namespace epmd {

void newcomers::add(newcomer one) {
    const auto connection = one.connection;
    auto& all = by_name_[one.self.alive_name];
    all.push_back(std::move(one));
    by_connection_.emplace(connection, std::prev(all.end()));
}

newcomer* newcomers::find(connection_number connection) {
    const auto known = by_connection_.find(connection);
    return known == by_connection_.end() ? nullptr : &*known->second;
}

std::vector<connection_number> newcomers::of(std::string_view alive_name) const {
    std::vector<connection_number> result;
    if (const auto known = by_name_.find(std::string(alive_name)); known != by_name_.end()) {
        result.reserve(known->second.size());
        for (const auto& one : known->second) {
            result.push_back(one.connection);
        }
    }
    return result;
}

std::size_t newcomers::count_of(std::string_view alive_name) const {
    if (by_name_.empty()) {
        return 0;
    }
    const auto known = by_name_.find(std::string(alive_name));
    return known == by_name_.end() ? 0 : known->second.size();
}

newcomer newcomers::take(connection_number connection) {
    const auto known = by_connection_.find(connection);
    const auto at = known->second;
    by_connection_.erase(known);
    auto result = std::move(*at);
    const auto of_name = by_name_.find(result.self.alive_name);
    of_name->second.erase(at);
    if (of_name->second.empty()) {
        by_name_.erase(of_name);
    }
    return result;
}

} // namespace epmd
