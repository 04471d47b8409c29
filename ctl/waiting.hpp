/// What `wait` and `wait-free` have in common.
#pragma once

#include "registry/registration.hpp"
#include "verb.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace epmd::ctl {

/// A node, as far as it matters whether a name is taken.
struct seat {
    placement_state state = placement_state::pending;
    std::optional<host> where; ///< of a placed or parked one
};

/// Both have this one.
std::span<const flag> waiting_flags();

/// Waits until something is true of those that have the alive name of the first operand, at that host: by events, or by
/// asking a stock epmd again and again. `what` it is then, for remarks: "free". done, or failed when it is not so in
/// time.
exit_status wait_until(const call&, const std::string& what,
                       const std::function<bool(std::span<const seat>, host where)>& is_so);

} // namespace epmd::ctl
