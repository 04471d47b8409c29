/// What the daemon says of itself, beside hosts and nodes.
#pragma once

#include "registry/address.hpp"
#include "registry/registration.hpp"
#include "service/counters.hpp"
#include "settings/limits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epmd {

/// Those who speak HTTP.
struct visitor_facts {
    std::size_t open = 0;
    std::size_t following = 0; ///< of them, those that follow the events
};

/// How often the configuration was read again.
struct reload_facts {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::optional<std::string> trouble{}; ///< why the last time failed; empty: it did not, or there was none
};

struct daemon_facts {
    std::string version;
    std::int32_t pid = 0;
    std::uint32_t uid = 0;
    std::string program; ///< the path that it runs again when it is upgraded
    time_point started;
    std::uint16_t port = 0;
    std::vector<address> listeners;
    bool is_for_this_machine_only = false;
    bool is_http_for_everybody = false;
    std::string config_file; ///< empty: none was read
    std::size_t connections = 0;
    limits most;            ///< without a 0
    visitor_facts visitors; ///< of the connections, those that speak HTTP
    std::chrono::seconds packet_timeout{0};
    bool relaxed_command_check = false;
    bool may_ask_nodes = true;
    bool is_kept = false;       ///< whether somebody has all nodes when the process ends
    std::uint32_t restarts = 0; ///< how many processes went on with the nodes of the one before
    reload_facts reloads;
    server_counters counted;
};

} // namespace epmd
