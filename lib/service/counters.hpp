/// What has happened since the daemon began: numbers that only grow.
#pragma once

#include <cstdint>

namespace epmd {

/// Of the service: what it was asked, and what it said.
struct service_counters {
    std::uint64_t registrations = 0; ///< accepted
    std::uint64_t refusals = 0;      ///< of registrations
    std::uint64_t ends = 0;          ///< of registrations
    std::uint64_t lookups = 0;
    std::uint64_t names_lists = 0;
};

/// Of the server: what became of connections.
struct server_counters {
    std::uint64_t accepted = 0;
    std::uint64_t not_requests = 0;  ///< closed, since what they sent is no request
    std::uint64_t timed_out = 0;     ///< closed, since they were idle
    std::uint64_t out_of_room = 0;   ///< episodes in which descriptors or memory ran out
};

} // namespace epmd
