#include "doctor/findings.hpp"

#include <array>
#include <cstddef>

namespace epmd::ctl::doctor {
namespace {

constexpr std::array<std::string_view, 9> steps{"names",        "node", "mode",      "host",  "epmd",
                                                "registration", "port", "handshake", "cookie"};
static_assert(steps.size() == static_cast<std::size_t>(step::cookie) + 1);

constexpr std::array<std::string_view, 4> marks{"good", "bad", "unknown", "note"};
static_assert(marks.size() == static_cast<std::size_t>(mark::note) + 1);

constexpr std::array<std::string_view, 32> causes{
    "own_name",
    "no_node_name",
    "short_and_long_names",
    "host_unknown",
    "resolves_differently",
    "dials_from_loopback",
    "no_epmd",
    "epmd_silent",
    "not_an_epmd",
    "other_epmd_port",
    "not_distributed",
    "not_running",
    "not_registered",
    "registered_elsewhere",
    "parked",
    "pending",
    "one_table",
    "bound_elsewhere",
    "port_refuses",
    "port_silent",
    "stopped",
    "busy",
    "hung",
    "other_name",
    "not_allowed",
    "alive_already",
    "flags_too_old",
    "cookie_file_refused",
    "tls_on_one_side",
    "handshake_ends",
    "cookies_differ",
    "other_network",
};
static_assert(causes.size() == static_cast<std::size_t>(cause::other_network) + 1);

} // namespace

std::string_view to_string(step where) noexcept {
    return steps.at(static_cast<std::size_t>(where));
}

std::string_view to_string(mark how) noexcept {
    return marks.at(static_cast<std::size_t>(how));
}

std::string_view to_string(cause what) noexcept {
    return causes.at(static_cast<std::size_t>(what));
}

} // namespace epmd::ctl::doctor
