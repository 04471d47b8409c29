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
    /// Whether VMs are told to speak IPv6 where the host has no other address. A VM that is told so twice speaks IPv4.
    bool may_choose_protocol = true;
};

/// The variables that are to be set, with their values. Writes the file that ERL_INETRC names. What was set before goes
/// on to count: flags stand behind ours, and the content of another inetrc in ours. Throws failure.
std::map<std::string, std::string> node_environment(const residence&, const hosts&, const environment_variables&);

/// ERL_AFLAGS with what binds distribution to a host. It stands first, since of a flag of the kernel that is given
/// twice the first counts (tried with OTP 25 and 27); what an outer `exec` has put there is taken out.
std::string erl_flags(const std::string& before, const residence&, const hosts&);

/// The content of a file for ERL_INETRC: what stood in another, and our hosts. `before` may have been made by us.
std::string inetrc_with(const std::string& before, const std::string& ours);

} // namespace epmd::ctl
