/// What kernel and processes say of a registration: the evidence *listener* and *process* (docs/model.md).
#pragma once

#include "placement/kernel.hpp"
#include "placement/processes.hpp"
#include "registry/evidence.hpp"

#include <atomic>
#include <span>
#include <vector>

namespace epmd {

inline const std::atomic<bool> never_over{false};

/// Looks at the sockets and the processes of some registrations, and finds something of each, in their order.
/// Milliseconds; not for the thread that serves.
///
/// A finding has a host if the node is one that was placed before, if the listener names one, or if the process names
/// the machine by giving no host. If it has none but a host_name, that is to be resolved: see place_by_name. If it has
/// neither, or a guess, and ask_at, the node itself is to say: see node_asker.
///
/// `is_over`: nobody waits for it any more; what was not looked at by then gets an empty finding.
std::vector<finding> survey(std::span<const question>, const hosts&, kernel&, processes&,
                            const std::atomic<bool>& is_over = never_over);

} // namespace epmd
