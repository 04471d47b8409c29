/// From a host name to a host: the rules, without the resolver. Pure.
#pragma once

#include "placement/hosts_file.hpp"
#include "registry/evidence.hpp"

#include <set>
#include <string>
#include <vector>

namespace epmd {

/// What a resolver made of a host name.
struct resolution {
    std::vector<address> addresses; ///< empty: see trouble
    std::string trouble;            ///< one clause: "does not resolve (Name or service not known)"
    std::set<address> local{};      ///< those of them that a device of this machine has

    bool operator==(const resolution&) const = default;
};

/// The host of a name that needs no resolver: the machine's own name, a configured host, an address as text that is
/// plainly of this machine. Nothing for any other.
std::optional<host> host_without_resolving(std::string_view host_name, const hosts&);

/// Completes a finding whose host_name was resolved: of several addresses a host's goes before the machine's, and one
/// of the kind that the node speaks before one of the other; an address that is not of this machine leaves the node
/// unplaced, with the trouble named. A name that resolves to nothing is compared with those of the hosts, with and
/// without a domain.
finding place_by_name(finding, const resolution&, const hosts&);

/// What the machine is, by its hostname, what that resolves to (some resolvers give it 127.0.1.1, some a LAN address,
/// one even 127.0.0.2), and the hosts file. An address that the file gives to the hostname (whole, its first label, or,
/// where it has no dots, with a domain) is the machine's whatever other names stand beside it.
machine_identity identify(std::string hostname, const resolution& of_hostname, const hosts_file&);

} // namespace epmd
