/// Evidence of where a registration belongs: what is asked about it, and what was found.
#pragma once

#include "registry/hosts.hpp"

#include <cstddef>
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
    std::optional<std::uint32_t> uid{}; ///< of the peer's socket, on this machine; looked up where it is needed only

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
    handshake,   ///< the node itself said its name
};
inline constexpr std::size_t evidence_kinds = static_cast<std::size_t>(evidence::handshake) + 1;

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
    /// The node name, by the node itself, the process's command line or its environment; empty when none says it.
    std::string node_name;
    /// The host name that was resolved to find `where`, or that could not be; empty when none was needed. Who has
    /// one is looked up again when the hosts file may have changed.
    std::string host_name;
    /// Why no host was found, for the log: one clause, of the host name if there is one, else of the node. "does not
    /// resolve". Empty when there is nothing to say.
    std::string trouble;
    /// Host and names may be another's: whatever the node itself says counts more.
    bool is_guess = false;
    /// Where the node is to be asked for its name, once it has its reply. Empty: it may not be, or need not be.
    std::optional<address> ask_at;
    /// It registered over IPv6, so that is what it speaks: of several addresses of its host name one of these counts.
    bool is_over_ipv6 = false;
    /// Of the socket that listens on the distribution port: as long as it is the same, the node is. 0: not known.
    std::uint64_t listener_inode = 0;
    owner who;

    bool operator==(const finding&) const = default;
};

/// What placement is to find out.
enum class inquiry {
    everything, ///< what sockets and processes say
    host_name,  ///< what `before.host_name` resolves to now
    node,       ///< what the node itself says, at `before.ask_at`
};

/// What a living registration of the same name owns: it is not of the one that asks now.
struct namesake {
    std::int32_t pid = 0;             ///< 0: not known
    std::uint64_t listener_inode = 0; ///< likewise

    bool operator==(const namesake&) const = default;
};

/// What placement is asked about a registration. The answer is a finding.
struct question {
    inquiry what = inquiry::everything;
    connection_number connection = 0;
    origin from;
    bool is_adopted = false; ///< there is no connection: whoever listens on the port is the node
    std::string alive_name;
    std::uint16_t port = 0;
    std::uint8_t node_type = 77;
    std::uint16_t highest_version = 6;
    std::vector<namesake> namesakes;
    /// What was found of registrations of that name and port that have ended: one whose listener is still the same
    /// stays where it was. Of inquiry::everything.
    std::vector<finding> former;
    /// What was found before; of the other inquiries.
    finding before;

    bool operator==(const question&) const = default;
};

} // namespace epmd
