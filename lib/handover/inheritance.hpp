/// What the process before left: sorts the descriptors that were passed, reads the table, and finds for each
/// registration its connection.
#pragma once

#include "handover/keeper.hpp"
#include "handover/snapshot.hpp"
#include "handover/systemd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace epmd {

struct inheritance {
    std::vector<int> listeners; ///< all that is not ours by its name
    /// Empty: nothing was left, or nothing that can be read. Each registration has its new descriptor: -1 where its
    /// connection is not there.
    std::optional<snapshot> before;
    left_queue queue;                    ///< open; the newest last
    std::uint64_t generation = 0;        ///< as great as any that was left
    std::vector<std::string> tables;     ///< the names under which tables were left
    std::vector<std::string> complaints; ///< why something that was left does not count; one sentence each
};

/// Reads what was passed, and closes tables and connections that have ended. Somebody who holds it still has
/// it: a process that ends in the middle of this has lost nothing. Throws std::system_error when there are too few
/// descriptors for the connections.
inheritance read_inheritance(const std::vector<passed_descriptor>&);

/// For who goes on without a queue.
void close_queue(const left_queue&) noexcept;

} // namespace epmd
