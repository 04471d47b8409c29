#include "registry/registry.hpp"

#include "wire/limits.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace epmd {
namespace {

/// The numbers below are the narrow creations (protocol document).
constexpr std::uint32_t lowest_wide_creation = 4;
constexpr std::uint32_t narrow_creations = 3;

bool is_newer(const registration* left, const registration* right) noexcept {
    return left->sequence > right->sequence;
}

/// Adds what `more` has to `rows`; both newest first, and so is the result.
template <typename Range>
void merge_newest_first(std::vector<const registration*>& rows, const Range& more) {
    const auto middle = static_cast<std::ptrdiff_t>(rows.size());
    rows.insert(rows.end(), more.begin(), more.end());
    std::inplace_merge(rows.begin(), rows.begin() + middle, rows.end(), is_newer);
}

/// What the sender of an ALIVE2_REQ is given: a wide one the count itself, any other 1, 2 or 3 (transcript of stock).
std::uint32_t creation_of(const node& self, std::uint32_t count) noexcept {
    const bool is_wide = self.highest_version >= wire::first_version_with_wide_creation;
    return is_wide ? count : count % narrow_creations + 1;
}

} // namespace

registry::registry(std::uint32_t first_creation, time_point started)
    : first_creation_(first_creation), started_(started) {}

registry::registry(registry_state before)
    : former_(std::move(before.former)), first_creation_(before.first_creation), started_(before.started) {
    auto& all = before.registrations;
    std::sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return is_newer(&right, &left); });
    for (auto& one : all) {
        next_sequence_ = one.sequence + 1;
        auto& entered = insert(std::move(one));
        auto& self = entered.self;
        if (self.state != placement_state::pending) {
            self.where = self.found.where.value_or(the_machine);
            if (self.state != placement_state::parked) {
                self.state = state_when_settled(self, self.found);
            }
        }
        enter(entered);
    }
    // Who was written down in the middle of a change may be parked although its place is free.
    const std::vector<registration*> parked(parked_.begin(), parked_.end());
    for (const auto* one : parked) {
        promote(one->self.alive_name);
    }
}

const registration& registry::add(connection_number connection, int descriptor, node self, time_point since) {
    auto& added = make(connection, std::move(self), since);
    added.descriptor = descriptor;
    return added;
}

const registration& registry::adopt(connection_number connection, node self, time_point since) {
    auto& added = make(connection, std::move(self), since);
    added.is_adopted = true;
    ++adopted_count_;
    return added;
}

/// A pending one, with a creation of its own.
registration& registry::make(connection_number connection, node self, time_point since) {
    registration fresh;
    fresh.connection = connection;
    fresh.creation_count = next_creation_count(self.alive_name, since);
    fresh.creation = creation_of(self, fresh.creation_count);
    fresh.self = std::move(self);
    fresh.since = since;
    fresh.sequence = next_sequence_++;
    auto& one = insert(std::move(fresh));
    enter(one);
    return one.self;
}

/// Has it by its connection and its name, and at no place yet.
registry::slot& registry::insert(registration self) {
    const auto [found, is_new] = by_connection_.try_emplace(self.connection);
    assert(is_new);
    auto& one = found->second;
    one.self = std::move(self);
    adopted_count_ += one.self.is_adopted ? 1 : 0;
    by_name_[one.self.self.alive_name].push_back(&one);
    return one;
}

void registry::learn(connection_number connection, finding found) {
    auto& self = by_connection_.at(connection).self;
    assert(self.state == placement_state::pending);
    self.found = std::move(found);
}

registry::settled registry::settle(connection_number connection, finding found) {
    auto& one = by_connection_.at(connection);
    auto& self = one.self;
    settled result{
        .self = &self, .before = self.state, .was_at = self.where, .promoted = nullptr, .has_changed = false};
    leave(one);
    self.where = found.where.value_or(the_machine);
    self.state = state_when_settled(self, found);
    result.has_changed = result.has_moved() || self.found != found;
    self.found = std::move(found);
    enter(one);
    if (result.has_moved()) {
        result.promoted = promote(self.self.alive_name);
    }
    return result;
}

std::optional<registry::removed> registry::remove(connection_number connection) {
    const auto found = by_connection_.find(connection);
    if (found == by_connection_.end()) {
        return std::nullopt;
    }
    auto& one = found->second;
    leave(one);
    adopted_count_ -= one.self.is_adopted ? 1 : 0;
    const auto same_name = by_name_.find(one.self.self.alive_name);
    std::erase(same_name->second, &one);
    // The key views the name of one of the registrations: let it view one that stays.
    auto namesakes = std::move(same_name->second);
    by_name_.erase(same_name);
    if (!namesakes.empty()) {
        const std::string_view name = namesakes.front()->self.self.alive_name;
        by_name_.emplace(name, std::move(namesakes));
    }
    former_.add(former_name_of(one.self));
    removed result{.gone = std::move(one.self), .promoted = nullptr};
    by_connection_.erase(found);
    result.promoted = promote(result.gone.self.alive_name);
    return result;
}

const registration* registry::find(connection_number connection) const {
    const auto found = by_connection_.find(connection);
    return found == by_connection_.end() ? nullptr : &found->second.self;
}

const registration* registry::placed_at(host where, std::string_view alive_name) const {
    const auto at_host = placed_.find(where);
    if (at_host == placed_.end()) {
        return nullptr;
    }
    const auto found = at_host->second.by_name.find(alive_name);
    return found == at_host->second.by_name.end() ? nullptr : found->second;
}

std::vector<const registration*> registry::placed_at(host where) const {
    const auto at_host = placed_.find(where);
    if (at_host == placed_.end()) {
        return {};
    }
    return {at_host->second.newest_first.begin(), at_host->second.newest_first.end()};
}

std::vector<host> registry::hosts_with_nodes() const {
    std::vector<host> result;
    for (const auto& [where, nodes] : placed_) {
        result.push_back(where);
    }
    std::sort(result.begin(), result.end());
    return result;
}

const registration* registry::find(host where, std::string_view alive_name) const {
    const auto same_name = by_name_.find(alive_name);
    if (same_name == by_name_.end()) {
        return nullptr;
    }
    // Nearly every name is had by one node: it need not be looked for among the others of its host as well.
    const bool is_only_one = same_name->second.size() == 1;
    if (const auto* placed =
            is_only_one ? placed_at(where, *same_name->second.front()) : placed_at(where, alive_name)) {
        return placed;
    }
    const registration* pending = nullptr;
    for (const auto* one : same_name->second) {
        if (one->self.state == placement_state::unplaced) {
            return &one->self;
        }
        if (one->self.state == placement_state::pending && where.is_machine() && pending == nullptr) {
            pending = &one->self;
        }
    }
    return pending;
}

std::size_t registry::count_at(host where) const {
    const auto found = placed_.find(where);
    return found == placed_.end() ? 0 : found->second.newest_first.size();
}

std::size_t registry::count(placement_state state) const noexcept {
    switch (state) {
    case placement_state::pending:
        return pending_.size();
    case placement_state::unplaced:
        return unplaced_.size();
    case placement_state::parked:
        return parked_.size();
    case placement_state::placed:
        break;
    }
    return size() - pending_.size() - unplaced_.size() - parked_.size();
}

bool registry::is_pending(std::string_view alive_name) const {
    if (pending_.empty()) {
        return false;
    }
    const auto same_name = by_name_.find(alive_name);
    return same_name != by_name_.end() &&
           std::any_of(same_name->second.begin(), same_name->second.end(),
                       [](const slot* one) { return one->self.state == placement_state::pending; });
}

std::vector<const registration*> registry::namesakes(std::string_view alive_name) const {
    std::vector<const registration*> result;
    if (const auto same_name = by_name_.find(alive_name); same_name != by_name_.end()) {
        for (const auto* one : same_name->second) {
            result.push_back(&one->self);
        }
    }
    return result;
}

std::vector<const registration*> registry::visible_at(host where) const {
    std::vector<const registration*> rows;
    if (const auto at_host = placed_.find(where); at_host != placed_.end()) {
        merge_newest_first(rows, at_host->second.newest_first);
    }
    merge_newest_first(rows, unplaced_);
    if (where.is_machine()) {
        merge_newest_first(rows, pending_);
    }
    std::erase_if(rows, [&](const registration* row) {
        return row->state != placement_state::placed && find(where, row->self.alive_name) != row;
    });
    return rows;
}

std::vector<const registration*> registry::all() const {
    std::vector<const registration*> rows;
    rows.reserve(by_connection_.size());
    for (const auto& [connection, one] : by_connection_) {
        rows.push_back(&one.self);
    }
    std::sort(rows.begin(), rows.end(), is_newer);
    return rows;
}

std::vector<finding> registry::former_findings(std::string_view alive_name, std::uint16_t port) const {
    return former_.findings(alive_name, port);
}

std::vector<const former_name*> registry::former_at(host where) const {
    std::vector<const former_name*> rows;
    for (const auto& one : former_.all()) {
        if (one.found.where.value_or(where) == where && find(where, one.alive_name) == nullptr) {
            rows.push_back(&one);
        }
    }
    return rows;
}

registry::order& registry::order_of(const registration& one) {
    switch (one.state) {
    case placement_state::pending:
        return pending_;
    case placement_state::placed:
        return placed_[one.where].newest_first;
    case placement_state::unplaced:
        return unplaced_;
    case placement_state::parked:
        break;
    }
    return parked_;
}

/// The registration if it is placed at that host, or null.
const registration* registry::placed_at(host where, const slot& one) noexcept {
    return one.self.state == placement_state::placed && one.self.where == where ? &one.self : nullptr;
}

/// Puts a registration where its state says. It is nearly always among the newest: the search ends at once.
void registry::enter(slot& one) {
    ++version_;
    auto& rows = order_of(one.self);
    const auto older = std::find_if(rows.begin(), rows.end(),
                                    [&](const registration* other) { return other->sequence < one.self.sequence; });
    one.position = rows.insert(older, &one.self);
    if (one.self.state == placement_state::placed) {
        placed_[one.self.where].by_name.emplace(one.self.self.alive_name, &one.self);
        ++placed_by_[static_cast<std::size_t>(one.self.found.how)];
    }
}

void registry::leave(slot& one) {
    ++version_;
    order_of(one.self).erase(one.position);
    if (one.self.state == placement_state::placed) {
        const auto at_host = placed_.find(one.self.where);
        at_host->second.by_name.erase(one.self.self.alive_name);
        --placed_by_[static_cast<std::size_t>(one.self.found.how)];
        if (at_host->second.by_name.empty()) {
            placed_.erase(at_host);
        }
    }
}

/// Who has the place that `found` gives to a registration that is in no table now. An unplaced registration has the
/// machine's place as well: one name is never two nodes there.
const registration* registry::occupant(const registration& newcomer, const finding& found) const {
    const auto where = found.where.value_or(the_machine);
    if (const auto* placed = placed_at(where, newcomer.self.alive_name)) {
        return placed;
    }
    if (!where.is_machine()) {
        return nullptr;
    }
    for (const auto* one : by_name_.at(newcomer.self.alive_name)) {
        if (&one->self != &newcomer && one->self.state == placement_state::unplaced) {
            return &one->self;
        }
    }
    return nullptr;
}

/// What a registration that is in no table now becomes by what was found.
placement_state registry::state_when_settled(const registration& self, const finding& found) const {
    if (occupant(self, found) != nullptr) {
        return placement_state::parked;
    }
    return found.where ? placement_state::placed : placement_state::unplaced;
}

/// Lets the oldest parked registration of that name whose place is free have it; null if there is none.
const registration* registry::promote(std::string_view alive_name) {
    const auto same_name = by_name_.find(alive_name);
    if (parked_.empty() || same_name == by_name_.end()) {
        return nullptr;
    }
    for (auto* one : same_name->second) {
        auto& self = one->self;
        if (self.state == placement_state::parked && occupant(self, self.found) == nullptr) {
            leave(*one);
            self.state = self.found.where ? placement_state::placed : placement_state::unplaced;
            enter(*one);
            return &self;
        }
    }
    return nullptr;
}

/// The count of which the next creation of a name is made: one more than its last, so that it meets no creation of
/// that name, on whatever host; for a new name a count that nobody can remember.
std::uint32_t registry::next_creation_count(std::string_view alive_name, time_point now) const {
    std::optional<std::uint32_t> last = former_.last_creation_count(alive_name);
    if (const auto same_name = by_name_.find(alive_name); same_name != by_name_.end()) {
        for (const auto* one : same_name->second) {
            last = std::max(last.value_or(0), one->self.creation_count);
        }
    }
    std::uint32_t next = 0;
    if (last) {
        // It may have had a greater one on a host where it is forgotten.
        next = std::max(*last, former_.greatest_forgotten_count()) + 1;
        next += (next - *last) % narrow_creations == 0 ? 1 : 0;
    } else {
        const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
        // compat: stock gives a name that it forgot a creation that it may have had, within the same second.
        next = std::max(first_creation_ + static_cast<std::uint32_t>(elapsed.count()),
                        former_.greatest_forgotten_count() + 1);
    }
    return std::max(next, lowest_wide_creation);
}

} // namespace epmd
