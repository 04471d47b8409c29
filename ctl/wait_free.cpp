// epmdctl wait-free: until a name can be registered at a host.
#include "verbs.hpp"
#include "waiting.hpp"

#include <algorithm>

namespace epmd::ctl {
namespace {

/// Nobody has the name there, or may come to have it: an unplaced node counts as the machine's.
bool is_free(std::span<const seat> all, host where) {
    return std::none_of(all.begin(), all.end(), [&](const seat& one) {
        const bool has_host = one.state == placement_state::placed || one.state == placement_state::parked;
        return has_host ? one.where == where : one.state == placement_state::pending || where.is_machine();
    });
}

exit_status run(const call& how) {
    return wait_until(how, "free", is_free);
}

} // namespace

const verb wait_free_verb{.name = "wait-free",
                          .operands = "NODE",
                          .help = "wait until the name of a node is free",
                          .fewest_operands = 1,
                          .most_operands = 1,
                          .flags = waiting_flags(),
                          .run = run};

} // namespace epmd::ctl
