/// Takes the port from the epmd that has it: Erlang's own, or an older one of ours.
#pragma once

#include "registry/registration.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epmd {

/// What the epmd before left, by force.
struct takeover {
    std::vector<node> nodes; ///< that it had, the first to register first
    /// Its listening sockets, which listen on just the addresses that are wanted: who dials meanwhile waits in their
    /// queue. Empty: they could not be had (that takes the right to trace it, ptrace(2)), or are others; the port is
    /// free.
    std::vector<int> listeners;
};

/// Asks the epmd on the port for its nodes, and ends it by SIGTERM. Empty: nobody listens there. Throws
/// std::runtime_error, and nothing has changed, when who listens is no epmd, is held by systemd, or may not be ended by
/// us; and when it does not end within ten seconds.
std::optional<takeover> take_over(const settings&);

} // namespace epmd
