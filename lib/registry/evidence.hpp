/// Evidence of where a registration belongs: what is asked about it, and what was found.
#pragma once

#include "registry/hosts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

/// Counts the connections that this daemon accepted; never used again.
using connection_number = std::uint64_t;

/// Both ends of a connection, as the daemon sees them.
struct origin {
    address peer;
    std::uint16_t peer_port = 0;
    address local;
    std::uint16_t local_port = 0;
    int descriptor = -1;

    /// Whether the peer is on this machine: a loopback address, or the one it dialled (transcript of stock).
    [[nodiscard]] bool is_this_machine() const noexcept { return peer.is_loopback() || peer == local; }

    bool operator==(const origin&) const = default;
};

/// What says to which host a registration belongs, strongest first (docs/model.md).
enum class evidence {
    destination, ///< it was sent to a host's own address
    source,      ///< it came from a host's own address
    listener,    ///< the socket on its distribution port is bound to a host's address
    process,     ///< its process was started with, or given, a node name whose host part is that host
};

std::string_view to_string(evidence) noexcept;

/// Who owns a registered connection. Never a command line: that may hold a cookie.
struct owner {
    std::int32_t pid = 0;             ///< 0: not visible to us
    std::optional<std::uint32_t> uid; ///< of the socket
    std::string program;              ///< the kernel's short name of the process; empty when not visible

    bool operator==(const owner&) const = default;
};

/// What was found out about a registration: the answer to a `question`.
struct finding {
    /// The host, and how it was found. Empty: nothing names it.
    std::optional<host> where;
    evidence how = evidence::process;
    /// The node name on the process's command line or in its environment; empty when there is none.
    std::string node_name;
    /// The host name that was resolved to find `where`, or that could not be; empty when none was needed. Who has
    /// one is looked up again when the hosts file may have changed.
    std::string host_name;
    /// Why `host_name` names no host; empty when it does. For the log, one clause: "does not resolve".
    std::string trouble;
    owner who;

    bool operator==(const finding&) const = default;
};

/// What placement is asked about a registration. The answer is a finding.
struct question {
    connection_number connection = 0;
    origin from;
    std::string alive_name;
    std::uint16_t port = 0;
    std::uint8_t node_type = 77;
    /// Owners of live registrations of the same name: none of them is the one that asks now.
    std::vector<std::int32_t> owners_of_namesakes;
    /// What was found before: only its host name is to be resolved again. Empty: look for everything.
    std::optional<finding> before;

    bool operator==(const question&) const = default;
};

} // namespace epmd
