/// Meets a node: connects to its distribution port, hears who it is, and shows it a cookie.
#pragma once

#include "dist/cookie.hpp"
#include "dist/handshake.hpp"
#include "doctor/dial.hpp"

#include <optional>
#include <string>

namespace epmd::ctl::doctor {

/// Where, and as whom, a node is met.
struct introduction {
    address where;
    std::uint16_t port = 0;
    std::optional<address> from;        ///< the source address, where the node that would dial is known to have one
    std::string name = "nonode@nohost"; ///< what every VM is called before it has a name: no node learns a new atom
    std::uint16_t highest_version = 6;  ///< as it registered
    std::uint64_t flags = dist::flag::mandatory_26;

    bool operator==(const introduction&) const = default;
};

/// What came of it.
struct encounter {
    error_code connecting;                           ///< why no connection was had
    std::optional<dist::send_challenge> challenge;   ///< who it says it is
    std::optional<dist::handshake::failure> failure; ///< how it refused
    bool is_silent = false;                          ///< it took the connection, and its time was up
    bool has_cookie = false;                         ///< it has the cookie that it was shown, and took us for a node
};

/// Twice, a moment apart, where the node closes or is busy: it may be just coming up. `secret`: null, or the cookie
/// that is shown once it has said who it is. A wrong one leaves an error line in its log; a right one, that a hidden
/// node came and went.
encounter meet(const introduction&, const dist::cookie* secret, time_point until);

} // namespace epmd::ctl::doctor
