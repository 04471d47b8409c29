#include "server/idle_connections.hpp"

#include <algorithm>

namespace epmd {

void idle_connections::add(connection_number number, const peer& who, time_point now) {
    auto& theirs = by_peer_[who];
    change_rank(who, theirs.size(), theirs.size() + 1);
    const auto place = theirs.insert(theirs.end(), number);
    auto& added = all_.emplace(number, entry{who, now, now, {}, place}).first->second;
    added.scheduled = deadline_of(added);
    due_.emplace(added.scheduled, number);
}

/// Its place in due_ is put right when its turn comes: most bytes are followed by the end of the wait.
void idle_connections::moved(connection_number number, time_point now) {
    if (const auto found = all_.find(number); found != all_.end()) {
        found->second.moved = now;
    }
}

void idle_connections::remove(connection_number number) {
    const auto found = all_.find(number);
    if (found == all_.end()) {
        return;
    }
    const auto& gone = found->second;
    due_.erase({gone.scheduled, number});
    const auto group = by_peer_.find(gone.who);
    change_rank(gone.who, group->second.size(), group->second.size() - 1);
    group->second.erase(gone.its_place);
    if (group->second.empty()) {
        by_peer_.erase(group);
    }
    all_.erase(found);
}

std::size_t idle_connections::count_of(const peer& who) const {
    const auto found = by_peer_.find(who);
    return found == by_peer_.end() ? 0 : found->second.size();
}

std::optional<connection_number> idle_connections::longest_of(const peer& who) const {
    const auto found = by_peer_.find(who);
    return found == by_peer_.end() ? std::nullopt : std::optional(found->second.front());
}

std::optional<connection_number> idle_connections::first_to_go() const {
    return ranks_.empty() ? std::nullopt : longest_of(ranks_.rbegin()->second);
}

std::optional<connection_number> idle_connections::late(time_point now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const auto number = due_.begin()->second;
        auto& first = all_.at(number);
        const auto deadline = deadline_of(first);
        if (deadline <= now) {
            return number;
        }
        due_.erase(due_.begin());
        first.scheduled = deadline;
        due_.emplace(deadline, number);
    }
    return std::nullopt;
}

std::optional<time_point> idle_connections::next_look() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

void idle_connections::set_patience(patience how_long) {
    patience_ = how_long;
    due_.clear();
    for (auto& [number, one] : all_) {
        one.scheduled = deadline_of(one);
        due_.emplace(one.scheduled, number);
    }
}

time_point idle_connections::deadline_of(const entry& one) const {
    return std::min(one.moved + patience_.silence, one.began + patience_.in_all);
}

void idle_connections::change_rank(const peer& who, std::size_t before, std::size_t now) {
    if (before > 0) {
        ranks_.erase({before, who});
    }
    if (now > 0) {
        ranks_.emplace(now, who);
    }
}

} // namespace epmd
