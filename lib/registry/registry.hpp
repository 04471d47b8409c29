/// The registrations of every host. Pure: a change is returned, nobody is notified, nothing is logged.
#pragma once

#include "registry/registration.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epmd {

/// A name whose registration ended; DUMP_REQ tells of it, and the next narrow creation of the name counts from it.
struct former_name {
    std::string alive_name;
    std::uint16_t port = 0;
    std::uint32_t last_creation = 0;

    bool operator==(const former_name&) const = default;
};

/// How many former names are kept; the oldest go first. Chosen, not tuned: as many as stock can hold nodes.
inline constexpr std::size_t max_former_names = 1000;

/// Holds, of one alive name, at most one placed registration a host, and at most one that is visible at the machine
/// (placed there, or unplaced). Whoever else belongs there is parked.
///
/// Pointers to registrations stay good until that registration is removed.
class registry {
  public:
    /// The first wide creation that is given is `first_creation`, or 4 when that is more: lower numbers are taken by
    /// the narrow ones (protocol document; stock starts at the time in seconds).
    explicit registry(std::uint32_t first_creation);

    registry(const registry&) = delete;
    registry& operator=(const registry&) = delete;

    /// Adds a pending registration with a creation of its own. Precondition: the connection has none yet.
    const registration& add(connection_number, int descriptor, node, time_point since);

    struct settled {
        const registration* self = nullptr;
        placement_state before = placement_state::pending;
        host was_at;                            ///< if it was placed
        const registration* promoted = nullptr; ///< was parked, and got the place that this one left

        /// Whether it can now be seen elsewhere than before.
        [[nodiscard]] bool has_moved() const noexcept {
            return self->state != before || (before == placement_state::placed && self->where != was_at);
        }
    };

    /// Gives a registration its place by what was found: at its host, or unplaced when nothing names one; parked if
    /// its place is taken there. Precondition: the connection is registered.
    settled settle(connection_number, finding);

    struct removed {
        registration gone;
        const registration* promoted = nullptr; ///< was parked, and got the place
    };

    /// Ends a registration. Empty: that connection has none.
    std::optional<removed> remove(connection_number);

    [[nodiscard]] const registration* find(connection_number) const;

    /// What a lookup at that host finds: the one placed there, else the unplaced one, else null. A pending
    /// registration is found at the machine only.
    [[nodiscard]] const registration* find(host, std::string_view alive_name) const;

    /// The one placed at that host, or null.
    [[nodiscard]] const registration* placed_at(host, std::string_view alive_name) const;

    /// Whether one of that name is pending.
    [[nodiscard]] bool is_pending(std::string_view alive_name) const;

    /// How many are pending, of any name.
    [[nodiscard]] std::size_t pending_count() const noexcept { return pending_.size(); }

    /// All registrations of that name in any state, oldest first.
    [[nodiscard]] std::vector<const registration*> namesakes(std::string_view alive_name) const;

    /// What a names list at that host shows, newest registration first.
    [[nodiscard]] std::vector<const registration*> visible_at(host) const;

    /// Every registration in any state, newest first.
    [[nodiscard]] std::vector<const registration*> all() const;

    /// The names whose registration ended, the last to end first. Some may be registered again.
    [[nodiscard]] const std::list<former_name>& former_names() const noexcept { return former_; }

    [[nodiscard]] std::size_t size() const noexcept { return by_connection_.size(); }
    [[nodiscard]] bool empty() const noexcept { return by_connection_.empty(); }

  private:
    using order = std::list<registration*>; // newest first

    struct table {
        order newest_first;
        std::unordered_map<std::string_view, registration*> by_name;
    };

    struct slot {
        registration self;
        order::iterator position;
    };

    void enter(slot&);
    void leave(slot&);
    order& order_of(const registration&);
    const registration* occupant(const registration& newcomer, const finding&) const;
    const registration* promote(std::string_view alive_name);
    std::uint32_t next_creation(const node&);
    void remember(const registration&);

    std::unordered_map<connection_number, slot> by_connection_;
    std::unordered_map<std::string_view, std::vector<slot*>> by_name_; // oldest first; never an empty vector
    std::unordered_map<host, table> placed_;                           // never an empty table
    order unplaced_;
    order pending_;
    order parked_;

    std::list<former_name> former_;
    std::unordered_map<std::string_view, std::list<former_name>::iterator> former_by_name_;

    std::uint32_t next_wide_creation_;
    std::uint64_t next_sequence_ = 1;
};

} // namespace epmd
