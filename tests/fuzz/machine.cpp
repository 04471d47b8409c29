// What the kernel tells of sockets and processes.
#include "dist/node_name.hpp"
#include "doctor/erlang_term.hpp"
#include "doctor/vm_text.hpp"
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "placement/command_line.hpp"
#include "placement/kernel.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace epmd::fuzz {

void read_sock_diag(std::string_view bytes) {
    std::vector<socket_info> sockets;
    epmd::read_sock_diag(bytes, sockets);
    constexpr std::size_t least_message_bytes = 16 + 72; // a netlink header and an inet_diag_msg
    demand(sockets.size() <= bytes.size() / least_message_bytes, "each socket takes its bytes");
}

void node_name_of_command_line(std::string_view bytes) {
    for (const auto found : {epmd::node_name_of_command_line(bytes), node_name_of_environment(bytes)}) {
        if (!found) {
            continue;
        }
        demand(is_inside(*found, bytes), "a name is a view of what was read");
        demand(found->find('\0') == std::string_view::npos, "a name ends at a NUL");
        const auto parts = split_node_name(*found);
        demand(is_inside(parts.alive_name, *found), "an alive name is a part of the name");
        demand(parts.host_part.empty() || is_inside(parts.host_part, *found), "a host part is a part of the name");
    }
}

void see_vm(std::string_view bytes) {
    using namespace ctl::doctor;
    const auto take_part = [&] {
        const auto part = bytes.substr(0, bytes.find('\n'));
        bytes.remove_prefix(std::min(part.size() + 1, bytes.size()));
        return part;
    };
    const auto arguments = take_part();
    const auto variables = take_part();
    const auto configuration = take_part();
    const auto all = flags_of_command_line(arguments);
    for (const auto& flag : all) {
        demand(is_inside(flag.name, arguments) && flag.name.starts_with('-'), "a flag has a dash, and was given");
        demand(flag.name != "-extra", "what follows -extra is none");
    }
    vm by_flags;
    take_flags(by_flags, all, arguments.substr(0, arguments.find('\0')));
    demand(by_flags.epmd_port != 0 && by_flags.fixed_port != 0, "a port is 1 at least");
    demand(by_flags.otp_release >= 0, "a release is a number");
    auto seen = by_flags;
    if (const auto applications = read_term(configuration)) {
        take_configuration(seen, *applications, "sys.config");
    }
    take_environment(seen, variables);
    demand(!by_flags.inetrc || seen.inetrc->path == by_flags.inetrc->path, "a flag goes before a file and a variable");
    demand(!by_flags.dials_from || seen.dials_from == by_flags.dials_from, "and so does an address");
    demand(!by_flags.epmd_port || seen.epmd_port == by_flags.epmd_port, "and a port");
    demand(!by_flags.connects_by_itself || seen.connects_by_itself == by_flags.connects_by_itself, "and all else");
    demand(by_flags.home.empty() || seen.home == by_flags.home, "and a home");
    const auto used = read_stat(std::string(bytes));
    demand(!used || bytes.find(used->state) != std::string_view::npos, "a state was told");
}

} // namespace epmd::fuzz
