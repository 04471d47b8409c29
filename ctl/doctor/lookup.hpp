/// Looks a node up, as a VM does: at the epmd of its host.
#pragma once

#include "doctor/dial.hpp"

#include <optional>
#include <string>
#include <vector>

namespace epmd::ctl::doctor {

/// Where and how a node is registered.
struct registered_node {
    std::uint16_t port = 0;
    std::uint8_t node_type = 0;
    std::uint16_t highest_version = 0;
};

/// What the epmd port of a host says.
struct lookup {
    error_code connecting;               ///< why no connection was had
    bool is_silent = false;              ///< it took the connection, and its time was up
    bool is_closed = false;              ///< it closed without a word
    bool is_no_epmd = false;             ///< it said something that no epmd says
    std::optional<registered_node> node; ///< nothing: not registered, where none of the above is true
};

lookup look_up(const std::string& alive_name, const address& where, std::uint16_t epmd_port, time_point until);

/// The names that are registered there, as far as it says. Those of this host alone, also where it is ours.
std::vector<std::string> names_at(const address& where, std::uint16_t epmd_port, time_point until);

/// Those that one may have meant: the same but for the case of letters, or at most two letters away.
std::vector<std::string> similar_names(const std::string& to, const std::vector<std::string>& among);

} // namespace epmd::ctl::doctor
