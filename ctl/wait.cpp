// epmdctl wait: until a node is registered at its host.
#include "verbs.hpp"
#include "waiting.hpp"

#include <algorithm>

namespace epmd::ctl {
namespace {

/// A lookup there would find it.
bool is_there(std::span<const seat> all, host where) {
    return std::any_of(all.begin(), all.end(), [&](const seat& one) {
        return one.state == placement_state::unplaced || (one.state == placement_state::placed && one.where == where);
    });
}

exit_status run(const call& how) {
    return wait_until(how, "registered", is_there);
}

} // namespace

const verb wait_verb{.name = "wait",
                     .operands = "NODE",
                     .help = "wait until a node is registered",
                     .fewest_operands = 1,
                     .most_operands = 1,
                     .flags = waiting_flags(),
                     .run = run};

} // namespace epmd::ctl
