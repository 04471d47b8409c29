/// What the command line and the environment of an Erlang VM say of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

/// The node name with which a VM was started: the value of the first `-sname`, else of the first `-name`; what follows
/// `-extra` does not count (transcripts of OTP 25 and 27).
///
/// `arguments`: /proc/PID/cmdline, each argument ended by a NUL; the first is the program. Total. The result views it.
std::optional<std::string_view> node_name_of_command_line(std::string_view arguments) noexcept;

/// Whether a VM that was started so speaks the distribution protocol as it is, over TCP: no `-proto_dist` names another
/// carrier, as `inet_tls`. `arguments` as above. Total.
bool has_plain_distribution(std::string_view arguments) noexcept;

/// The node name that a program which names its node at run time will give it, by the variable that is known to hold
/// it: RABBITMQ_NODENAME, LIVEBOOK_NODE.
///
/// `variables`: /proc/PID/environ, each variable ended by a NUL. Total. The result views it.
std::optional<std::string_view> node_name_of_environment(std::string_view variables) noexcept;

/// A flag as the VM's init reads it: what it is called, with its dash, and the words up to the next one.
struct vm_flag {
    std::string_view name;
    std::vector<std::string_view> values;

    bool operator==(const vm_flag&) const = default;
};

/// All flags in their order, up to `-extra`. `arguments` as above. The result views it.
std::vector<vm_flag> flags_of_command_line(std::string_view arguments);

/// The value of a variable. `variables` as above. The result views it.
std::optional<std::string_view> variable_of_environment(std::string_view variables, std::string_view name) noexcept;

} // namespace epmd
