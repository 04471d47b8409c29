/// The configured hosts as VMs and the C library read them.
#pragma once

#include "registry/hosts.hpp"

#include <string>

namespace epmd::ctl {

/// What a file has that ERL_INETRC names: each host with its names and addresses, and the line that has them looked up
/// before the system is asked. `also`: a host that need not be configured, and one more name of it.
std::string inetrc_text(const hosts&, host also = the_machine, const std::string& also_called = {});

/// Lines for /etc/hosts.
std::string etc_hosts_text(const hosts&);

/// An address as Erlang's inet writes it: {127,0,0,2}.
std::string erlang_tuple(const address&);

/// A name for the hostname of a VM there: its first one, or one that is made of its address.
std::string hostname_of(host, const hosts&);

} // namespace epmd::ctl
