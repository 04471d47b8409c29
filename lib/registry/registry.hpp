/// The registrations of every host. Pure: a change is returned, nobody is notified, nothing is logged.
#pragma once

#include "registry/former_names.hpp"
#include "registry/registration.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epmd {

/// All that a registry knows, as a value: with it another process goes on as if it were the same.
struct registry_state {
    std::uint32_t first_creation = 0;
    time_point started{};
    former_names former{};
    std::vector<registration> registrations{}; ///< in any order
};

/// Holds, of one alive name, at most one placed registration a host, and at most one that is visible at the machine
/// (placed there, or unplaced). Whoever else belongs there is parked.
///
/// Pointers to registrations stay good until that registration is removed.
class registry {
  public:
    /// A name that is registered for the first time gets `first_creation` plus the seconds since `started`, so that
    /// with the time of day as its start it differs from those of the daemon before; a name registered again gets its
    /// last creation plus one (transcript of stock).
    registry(std::uint32_t first_creation, time_point started);

    /// Goes on where another registry was, at whatever moment it was written down: of two that have one place the older
    /// keeps it, and who is parked for nobody is promoted. No two of its registrations may have one connection.
    explicit registry(registry_state);

    registry(const registry&) = delete;
    registry& operator=(const registry&) = delete;

    /// Adds a pending registration with a creation of its own. Precondition: the connection has none yet.
    const registration& add(connection_number, int descriptor, node, time_point since);

    struct settled {
        const registration* self = nullptr;
        placement_state before = placement_state::pending;
        host was_at;                            ///< if it was placed
        const registration* promoted = nullptr; ///< was parked, and got the place that this one left
        bool has_changed = false;               ///< what is known of it, or where it is

        /// Whether it can now be seen elsewhere than before.
        [[nodiscard]] bool has_moved() const noexcept {
            return self->state != before || (before == placement_state::placed && self->where != was_at);
        }
    };

    /// Adds a pending registration that has no connection, as registration::is_adopted says. Precondition: as add.
    const registration& adopt(connection_number, node, time_point since);

    /// Gives a registration its place by what was found: at its host, or unplaced when nothing names one; parked if
    /// its place is taken there. Precondition: the connection is registered.
    settled settle(connection_number, finding);

    /// Notes what is known so far of one that is pending. Precondition: as settle.
    void learn(connection_number, finding found);

    struct removed {
        registration gone;
        const registration* promoted = nullptr; ///< was parked, and got the place
    };

    /// Ends a registration. Empty: that connection has none.
    std::optional<removed> remove(connection_number);

    [[nodiscard]] const registration* find(connection_number) const;

    /// What a lookup at that host finds: the one placed there, else the unplaced one, else null. A pending
    /// registration is found at the machine only, if there is no other.
    [[nodiscard]] const registration* find(host, std::string_view alive_name) const;

    /// The one placed at that host, or null.
    [[nodiscard]] const registration* placed_at(host, std::string_view alive_name) const;

    /// Whether one of that name is pending.
    [[nodiscard]] bool is_pending(std::string_view alive_name) const;

    /// How many are in that state, of any name.
    [[nodiscard]] std::size_t count(placement_state) const noexcept;

    /// How many are placed by that evidence.
    [[nodiscard]] std::size_t count(evidence how) const noexcept { return placed_by_[static_cast<std::size_t>(how)]; }

    /// How many are pending, of any name.
    [[nodiscard]] std::size_t pending_count() const noexcept { return pending_.size(); }

    /// All registrations of that name in any state, oldest first.
    [[nodiscard]] std::vector<const registration*> namesakes(std::string_view alive_name) const;

    /// What a names list at that host shows, newest registration first.
    [[nodiscard]] std::vector<const registration*> visible_at(host) const;

    /// The hosts at which a node is placed, the machine among them, in the order of their addresses.
    [[nodiscard]] std::vector<host> hosts_with_nodes() const;

    /// The nodes that are placed at that host, newest registration first.
    [[nodiscard]] std::vector<const registration*> placed_at(host) const;

    /// How many hosts have nodes, the machine not counted.
    [[nodiscard]] std::size_t hosts_in_use() const noexcept { return placed_.size() - placed_.count(the_machine); }

    /// How many nodes are placed at that host.
    [[nodiscard]] std::size_t count_at(host) const;

    /// Every registration in any state, newest first.
    [[nodiscard]] std::vector<const registration*> all() const;

    /// What a dump at that host tells of names no longer in use there, the first to end first.
    [[nodiscard]] std::vector<const former_name*> former_at(host) const;

    /// What was found of nodes of that name and port whose registration ended.
    [[nodiscard]] std::vector<finding> former_findings(std::string_view alive_name, std::uint16_t port) const;

    [[nodiscard]] const former_names& former() const noexcept { return former_; }
    [[nodiscard]] std::uint32_t first_creation() const noexcept { return first_creation_; }
    [[nodiscard]] time_point started() const noexcept { return started_; }

    /// Another number whenever what is seen at some host may have changed.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

    [[nodiscard]] std::size_t size() const noexcept { return by_connection_.size(); }
    /// Of those, how many have no connection.
    [[nodiscard]] std::size_t adopted_count() const noexcept { return adopted_count_; }
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

    slot& insert(registration);
    registration& make(connection_number, node, time_point since);
    void enter(slot&);
    void leave(slot&);
    order& order_of(const registration&);
    [[nodiscard]] static const registration* placed_at(host, const slot&) noexcept;
    const registration* occupant(const registration& newcomer, const finding&) const;
    placement_state state_when_settled(const registration&, const finding&) const;
    const registration* promote(std::string_view alive_name);
    [[nodiscard]] std::uint32_t next_creation_count(std::string_view alive_name, time_point now) const;

    std::unordered_map<connection_number, slot> by_connection_;
    std::unordered_map<std::string_view, std::vector<slot*>> by_name_; // oldest first; never an empty vector
    std::unordered_map<host, table> placed_;                           // never an empty table
    order unplaced_;
    order pending_;
    order parked_;

    former_names former_;
    std::uint32_t first_creation_;
    time_point started_;
    std::uint64_t next_sequence_ = 1;
    std::size_t adopted_count_ = 0;
    std::array<std::size_t, evidence_kinds> placed_by_{};
    std::uint64_t version_ = 0;
};

} // namespace epmd
