#include "doctor/walk.hpp"

#include "output.hpp"

#include <algorithm>
#include <array>

namespace epmd::ctl::doctor {
namespace {

/// A step that begins with less time than this would take its own haste for somebody's silence.
constexpr std::chrono::milliseconds least_time{1000};

} // namespace

std::string party::called() const {
    return name.empty() ? "a node here" : shown(name);
}

std::string place_text(const address& where, std::uint16_t port) {
    const auto text = to_string(where);
    return (where.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

mend name_at_run_time(const party& who) {
    const bool is_long = mode_of(who).mode == naming::long_names;
    return {"or in it", "net_kernel:start(['" + who.name + "', " + (is_long ? "longnames" : "shortnames") + "])."};
}

bool walk(way& it) {
    constexpr std::array steps{check_mode, check_host, check_epmd, check_node};
    return std::all_of(steps.begin(), steps.end(), [&](auto* step_of_way) {
        if (it.world.within(least_time) < std::chrono::steady_clock::now() + least_time) {
            it.told.leave_open(step::handshake, "there is no time left to go on: too much has waited for an answer");
            return false;
        }
        return step_of_way(it);
    });
}

} // namespace epmd::ctl::doctor
