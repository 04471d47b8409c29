/// A registration: a node that is registered for as long as its connection lasts, and what the daemon learnt of it.
#pragma once

#include "registry/evidence.hpp"
#include "registry/hosts.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace epmd {

/// The only clock of the daemon's mind; it never goes back.
using time_point = std::chrono::steady_clock::time_point;

/// What a node says of itself when it registers.
struct node {
    std::string alive_name;
    std::uint16_t port = 0;
    std::uint8_t node_type = 77;
    std::uint8_t protocol = 0;
    std::uint16_t highest_version = 6;
    std::uint16_t lowest_version = 5;
    std::string extra{};

    bool operator==(const node&) const = default;
};

enum class placement_state {
    pending,  ///< evidence may still come
    placed,   ///< at a host
    unplaced, ///< nothing names its host: visible at every host
    parked,   ///< belongs to a host where another node has its name: connected, invisible
};

struct registration {
    connection_number connection = 0;
    int descriptor = -1; ///< of the connection; what handover keeps, and DUMP_REQ shows. -1: it has none
    node self;
    std::uint32_t creation = 0;
    std::uint32_t creation_count = 0; ///< of which the creation is made
    time_point since;
    std::uint64_t sequence = 0; ///< registrations in the order in which they came

    placement_state state = placement_state::pending;
    /// It was taken over from another epmd and has no connection to us: it lasts as long as somebody listens on its
    /// distribution port, or until it registers here itself.
    bool is_adopted = false;
    host where;    ///< of a placed or parked one
    finding found; ///< what is known so far

    bool operator==(const registration&) const = default;
};

} // namespace epmd
