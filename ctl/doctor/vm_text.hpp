/// What a VM's command line, its environment, its configuration and /proc say of it. Pure: any text will do, and what
/// is not understood says nothing.
#pragma once

#include "doctor/erlang_term.hpp"
#include "doctor/vm.hpp"
#include "placement/command_line.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl::doctor {

/// `program`: as it was executed, .../erts-13.1.5/bin/beam.smp
void take_flags(vm& of, const std::vector<vm_flag>& all, std::string_view program);

/// Of a configuration: [{kernel,[{inetrc,"/x"},...]},...]. What is known already goes before it. `file`: its name.
void take_configuration(vm& of, const term& applications, const std::string& file);

/// `variables`: /proc/PID/environ. What is known already goes before it.
void take_environment(vm& of, std::string_view variables);

/// Field 3 of /proc/PID/stat, and fields 14 and 15: the state, and the clock ticks that all threads have used.
struct usage {
    char state = '\0';
    double ticks = 0; ///< as many as there may be
};
std::optional<usage> read_stat(const std::string& text);

} // namespace epmd::ctl::doctor
