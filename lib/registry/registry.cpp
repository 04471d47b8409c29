#include "registry/registry.hpp"

#include "wire/limits.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace epmd {
namespace {

constexpr std::uint32_t lowest_wide_creation = 4;

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

bool is_wide(const node& node) noexcept {
    return node.highest_version >= wire::first_version_with_wide_creation;
}

} // namespace

registry::registry(std::uint32_t first_creation)
    : next_wide_creation_(std::max(first_creation, lowest_wide_creation)) {}

const registration& registry::add(connection_number connection, int descriptor, node self, time_point since) {
    const auto creation = next_creation(self);
    const auto [found, is_new] = by_connection_.try_emplace(connection);
    assert(is_new);
    auto& one = found->second;
    one.self = registration{.connection = connection,
                             .descriptor = descriptor,
                             .self = std::move(self),
                             .creation = creation,
                             .since = since,
                             .sequence = next_sequence_++,
                             .state = placement_state::pending,
                             .where = {},
                             .found = {}};
    by_name_[one.self.self.alive_name].push_back(&one);
    enter(one);
    return one.self;
}

registry::settled registry::settle(connection_number connection, finding found) {
    auto& one = by_connection_.at(connection);
    auto& self = one.self;
    settled result{.self = &self, .before = self.state, .was_at = self.where, .promoted = nullptr};
    leave(one);
    self.where = found.where.value_or(the_machine);
    if (occupant(self, found) != nullptr) {
        self.state = placement_state::parked;
    } else {
        self.state = found.where ? placement_state::placed : placement_state::unplaced;
    }
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
    const auto same_name = by_name_.find(one.self.self.alive_name);
    std::erase(same_name->second, &one);
    // The key views the name of one of the registrations: let it view one that stays.
    auto namesakes = std::move(same_name->second);
    by_name_.erase(same_name);
    if (!namesakes.empty()) {
        const std::string_view name = namesakes.front()->self.self.alive_name;
        by_name_.emplace(name, std::move(namesakes));
    }
    remember(one.self);
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

const registration* registry::find(host where, std::string_view alive_name) const {
    if (const auto* placed = placed_at(where, alive_name)) {
        return placed;
    }
    const auto same_name = by_name_.find(alive_name);
    if (same_name == by_name_.end()) {
        return nullptr;
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

bool registry::is_pending(std::string_view alive_name) const {
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
    std::erase_if(rows, [&](const registration* row) {
        return row->state == placement_state::unplaced && placed_at(where, row->self.alive_name) != nullptr;
    });
    if (where.is_machine()) {
        merge_newest_first(rows, pending_);
    }
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

/// Puts a registration where its state says. It is nearly always among the newest: the search ends at once.
void registry::enter(slot& one) {
    auto& rows = order_of(one.self);
    const auto older = std::find_if(rows.begin(), rows.end(), [&](const registration* other) {
        return other->sequence < one.self.sequence;
    });
    one.position = rows.insert(older, &one.self);
    if (one.self.state == placement_state::placed) {
        placed_[one.self.where].by_name.emplace(one.self.self.alive_name, &one.self);
    }
}

void registry::leave(slot& one) {
    order_of(one.self).erase(one.position);
    if (one.self.state == placement_state::placed) {
        const auto at_host = placed_.find(one.self.where);
        at_host->second.by_name.erase(one.self.self.alive_name);
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

/// A wide creation is a count of all registrations; a narrow one goes round 1, 2, 3 for each name, so that a name
/// registered again gets another one.
std::uint32_t registry::next_creation(const node& self) {
    constexpr std::uint32_t narrow_creations = 3;
    const auto wide = next_wide_creation_;
    next_wide_creation_ =
        wide == std::numeric_limits<std::uint32_t>::max() ? lowest_wide_creation : wide + 1;
    if (is_wide(self)) {
        return wide;
    }
    const auto former = former_by_name_.find(self.alive_name);
    if (former == former_by_name_.end()) {
        return wide % narrow_creations + 1;
    }
    auto& last = former->second->last_creation;
    last = last % narrow_creations + 1;
    return last;
}

void registry::remember(const registration& gone) {
    if (const auto known = former_by_name_.find(gone.self.alive_name); known != former_by_name_.end()) {
        const auto row = known->second;
        former_by_name_.erase(known);
        former_.erase(row);
    }
    former_.push_front({gone.self.alive_name, gone.self.port, gone.creation});
    former_by_name_.emplace(former_.front().alive_name, former_.begin());
    if (former_.size() > max_former_names) {
        former_by_name_.erase(former_.back().alive_name);
        former_.pop_back();
    }
}

} // namespace epmd
