/// The environment in which a VM is at home on a host.
#pragma once

#include "registry/hosts.hpp"
#include "verb.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace epmd::ctl {

using environment_variables = std::function<std::optional<std::string>(const std::string&)>;

/// What it is made for.
struct residence {
    host where;
    std::string hostname; ///< what a VM there calls its host
    std::uint16_t epmd_port = 4369;
    /// Whether nodes dial others from their host's address, so that it is seen from which host they come. From a
    /// loopback address no other machine is reached.
    bool dials_from_there = true;
};

/// The variables that are to be set, with their values. Writes the file that ERL_INETRC names. What was set before goes
/// on to count: flags stand before ours, and the content of another inetrc in ours. Throws failure.
std::map<std::string, std::string> node_environment(const residence&, const hosts&, const environment_variables&);

/// ERL_AFLAGS with what binds distribution to a host; what an outer `exec` has put there is taken out.
std::string erl_flags(const std::string& before, const residence&, const hosts&);

} // namespace epmd::ctl
