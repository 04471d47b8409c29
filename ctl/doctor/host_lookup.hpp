/// What a VM makes of the name of a host.
#pragma once

#include "doctor/dial.hpp"
#include "doctor/vm.hpp"
#include "registry/address.hpp"

#include <optional>
#include <string>
#include <vector>

namespace epmd::ctl::doctor {

struct host_lookup {
    std::vector<address> addresses;   ///< in the VM's order, of the version of IP that it speaks: the first counts
    std::string by;                   ///< "/etc/hosts", "/tmp/rc (ERL_INETRC)", "the system's resolver"
    std::string trouble;              ///< a clause, where there is none: "does not resolve (Name or service not known)"
    bool is_of_the_other_ip = false;  ///< there are addresses, and it speaks the other version of IP
    std::vector<std::string> remarks; ///< about the inetrc file: sentences
    bool is_open = false;             ///< whether the VM has it so is not to be seen; a remark says why
    std::string unused_inetrc;        ///< that file has the host, and no lookup line, so it does not count
};

/// As that VM does.
host_lookup look_up_host(const std::string& name, const vm& who, time_point until);

/// As a program does that has no inetrc file, beside that VM.
host_lookup look_up_by_system(const std::string& name, const vm& who, bool over_v6, time_point until);

} // namespace epmd::ctl::doctor
