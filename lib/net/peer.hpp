/// Who is at the other end of a connection, where each is to have a share.
#pragma once

#include "registry/evidence.hpp"

#include <compare>
#include <cstdint>
#include <optional>

namespace epmd {

/// A user of this machine, or another machine.
struct peer {
    std::optional<std::uint32_t> uid; ///< of this machine: whose socket it is; empty: not known, or another machine's
    address where;                    ///< where the user is not known; of IPv6 the network (64 bits), else the wildcard

    auto operator<=>(const peer&) const = default;
};

/// `uid`: of the socket at the other end, if it is on this machine and that is known.
peer peer_of(const origin&, std::optional<std::uint32_t> uid) noexcept;

} // namespace epmd
