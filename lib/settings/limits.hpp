/// What peers may take of the daemon at most. Each limit is set by its name in the configuration file; docs/limits.md
/// says what happens where one is reached, and has those that nobody need set.
#pragma once

#include <chrono>
#include <cstddef>

namespace epmd {

struct limits {
    /// Open at the same time, of all kinds. 0: as many as descriptors are left for (`within`); never more.
    std::size_t max_connections = 0;
    /// Of them, those of one peer (net/peer.hpp) that wait: for the rest of a request, or for a reply to be read.
    /// Chosen, not tuned: a request comes in one piece, so that an honest user has none; as many cost 5 MB.
    std::size_t max_connections_per_peer = 1000;
    /// How long a request may take to come in, and a reply to be read, whatever moves; but never less than
    /// packet_timeout, which a byte now and then keeps off for ever. By default as long as that.
    std::chrono::seconds request_time{60};
    /// Registered nodes. 0: all connections but a sixteenth, which is left for lookups (`within`).
    std::size_t max_registrations = 0;
    /// Of them, those of one user, but for root and the user who runs the daemon: they could end it. 0: half of all
    /// (`within`).
    std::size_t max_registrations_per_user = 0;
    /// Connections that speak HTTP. A person has a page or two, and each `epmdctl wait` one connection. 200 beside the
    /// benchmark cost lookups 0.8 ms at p99 (docs/performance.md).
    std::size_t max_http_connections = 256;
    /// Of them, those that follow the events: who only wants a page finds room beside them.
    std::size_t max_event_streams = 224;
    /// Nodes whose host is being found out. Chosen, not tuned: more than can register within a second, of half a KB
    /// each.
    std::size_t max_placements = 65536;

    bool operator==(const limits&) const = default;

    /// The same without a 0: `room` connections are all that descriptors are left for.
    [[nodiscard]] limits within(std::size_t room) const noexcept;
};

/// Hosts that are configured; of those that are not, each has a node, so that max_registrations is their limit. Chosen,
/// not tuned: ten times what the status page was made for.
inline constexpr std::size_t max_hosts = 20000;

} // namespace epmd
