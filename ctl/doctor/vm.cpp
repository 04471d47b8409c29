#include "doctor/vm.hpp"

#include "doctor/erlang_term.hpp"
#include "doctor/regular_file.hpp"
#include "placement/command_line.hpp"
#include "placement/proc_file.hpp"
#include "placement/processes.hpp"
#include "settings/number.hpp"

#include <boost/program_options/parsers.hpp>

#include <algorithm>
#include <sstream>
#include <system_error>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

using flags = std::vector<vm_flag>;

const vm_flag* first(const flags& all, std::string_view name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const vm_flag& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string first_value(const flags& all, std::string_view name) {
    const auto* found = first(all, name);
    return found == nullptr || found->values.empty() ? std::string() : std::string(found->values.front());
}

/// The value of `-kernel NAME VALUE`: of one that is given twice the first counts (tried with OTP 25 and 27).
std::optional<std::string> kernel_parameter(const flags& all, std::string_view name) {
    for (const auto& one : all) {
        for (std::size_t i = 0; one.name == "-kernel" && i + 1 < one.values.size(); i += 2) {
            if (one.values[i] == name) {
                return std::string(one.values[i + 1]);
            }
        }
    }
    return std::nullopt;
}

/// The source address in [{ifaddr,{127,0,0,2}}] or [{ip,…}].
std::optional<address> source_in(const term& options) {
    for (const auto& one : options.items) {
        if (one.is_tuple_of("ifaddr", 2) || one.is_tuple_of("ip", 2)) {
            return address_of(one.items[1]);
        }
    }
    return std::nullopt;
}

/// The emulator is 11 in OTP 23, 13 in 25, 15 in 27, and so on; of older releases only that they are older.
int release_of(std::string_view program) {
    constexpr int emulator_is_behind = 12;
    constexpr std::string_view before = "erts-";
    const auto folder = std::string(program);
    const auto at = folder.rfind(before);
    if (at == std::string::npos) {
        return 0;
    }
    const auto version = folder.substr(at + before.size());
    const auto number = parse_number<int>(version.substr(0, version.find('.')), 1, 1000);
    return number ? *number + emulator_is_behind : 0;
}

std::optional<std::uint16_t> port_in(const std::optional<std::string_view>& text) {
    return text ? parse_number<std::uint16_t>(std::string(*text), 1, 65535) : std::nullopt;
}

/// A parameter of the application kernel; the first that says so counts.
void take_parameter(vm& of, std::string_view name, const term& value, const std::string& source) {
    if (name == "inet_dist_connect_options" && !of.dials_from) {
        of.dials_from = source_in(value);
    } else if (name == "inetrc" && !of.inetrc && (value.is == term::kind::string || value.is == term::kind::atom)) {
        of.inetrc = {value.text, source};
    } else if (name == "dist_auto_connect") {
        of.may_connect_by_itself = value.text != "never";
    }
}

void read_flags(vm& of, const flags& all, std::string_view program) {
    if (first(all, "-sname") != nullptr) {
        of.names = naming::short_names;
    } else if (first(all, "-name") != nullptr) {
        of.names = naming::long_names;
    }
    of.otp_release = release_of(program); // .../erts-13.1.5/bin/beam.smp
    of.epmd_port = port_in(first_value(all, "-epmd_port"));
    of.fixed_port = port_in(first_value(all, "-erl_epmd_port"));
    of.epmd_module = first_value(all, "-epmd_module");
    of.listens = first_value(all, "-dist_listen") != "false";
    of.starts_epmd = first_value(all, "-start_epmd") != "false";
    of.carrier = first_value(all, "-proto_dist");
    of.home = first_value(all, "-home");
    for (const auto* name : {"inet_dist_connect_options", "inetrc", "dist_auto_connect"}) {
        const auto text = kernel_parameter(all, name);
        if (const auto value = text ? read_term(*text) : std::nullopt) {
            take_parameter(of, name, *value, "-kernel inetrc");
        }
    }
}

/// [{kernel,[{inetrc,"/x"},…]},…]
void take_configuration(vm& of, const term& applications, const std::string& file) {
    for (const auto& one : applications.items) {
        for (const auto& parameter : one.is_tuple_of("kernel", 2) ? one.items[1].items : std::vector<term>()) {
            if (parameter.is == term::kind::tuple && parameter.items.size() == 2) {
                take_parameter(of, parameter.items[0].text, parameter.items[1], "inetrc in " + file);
            }
        }
    }
}

/// The files that -config names; what a flag says goes before them.
void read_configuration(vm& of, const flags& all) {
    for (const auto& one : all) {
        for (const auto value : one.name == "-config" ? one.values : std::vector<std::string_view>()) {
            auto name = std::string(value);
            name += name.ends_with(".config") ? "" : ".config";
            const auto content = read_public_file(path_within(of, name));
            const auto read = read_terms(content.value_or(""));
            if (content && read.is_complete && read.good.size() == 1) {
                take_configuration(of, read.good.front(), name);
            } else {
                of.unread_config = name;
            }
        }
    }
}

void read_environment(vm& of, std::string_view variables) {
    of.has_visible_environment = !variables.empty();
    const auto value = [&](std::string_view name) {
        return std::string(variable_of_environment(variables, name).value_or(""));
    };
    if (!of.epmd_port) {
        of.epmd_port = port_in(variable_of_environment(variables, "ERL_EPMD_PORT"));
    }
    if (const auto file = value("ERL_INETRC"); !file.empty() && !of.inetrc) {
        of.inetrc = {file, "ERL_INETRC"};
    }
    if (of.home.empty()) {
        of.home = value("HOME");
    }
    of.config_home = value("XDG_CONFIG_HOME");
}

/// False as well where we may not look.
bool is_in_another_network(const std::filesystem::path& root, const std::filesystem::path& of_process) {
    std::error_code error;
    const auto theirs = std::filesystem::read_symlink(of_process / "ns/net", error);
    return !error && theirs != std::filesystem::read_symlink(root / "self/ns/net", error) && !error;
}

/// False as well where we may not look.
bool has_own_hosts_file(const std::filesystem::path& of_process) {
    struct stat theirs {};
    struct stat ours {};
    return ::stat((of_process / "root/etc/hosts").c_str(), &theirs) == 0 && ::stat("/etc/hosts", &ours) == 0 &&
           (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino);
}

/// Field 3 of /proc/PID/stat, and fields 14 and 15: the state, and the clock ticks that all threads have used.
struct usage {
    char state = '\0';
    long ticks = 0;
};

std::optional<usage> usage_of(const vm& who) {
    const auto text = read_proc_file(who.proc / "stat");
    std::istringstream fields(
        text.substr(std::min(text.rfind(')') + 1, text.size()))); // a name may have anything in it
    usage result;
    std::string ignored;
    long system_ticks = 0;
    fields >> result.state;
    for (int field = 4; field < 14; ++field) {
        fields >> ignored;
    }
    fields >> result.ticks >> system_ticks;
    result.ticks += system_ticks;
    return fields ? std::optional(result) : std::nullopt;
}

} // namespace

std::optional<dist::cookie> vm::cookie_by_flag(std::string_view for_node) const {
    const auto arguments = pid == 0 ? flags_of_variables : read_proc_file(proc / "cmdline");
    std::vector<std::string_view> of_all;
    for (const auto& one : flags_of_command_line(arguments)) {
        if (one.name != "-setcookie") {
            continue;
        }
        if (!for_node.empty() && one.values.size() == 2 && one.values[0] == for_node) {
            return dist::cookie(std::string(one.values[1]));
        }
        if (for_node.empty() && one.values.size() == 1) {
            of_all.push_back(one.values[0]);
        }
    }
    // Of two, none counts (tried with OTP 23, 25 and 27).
    return of_all.size() == 1 ? std::optional(dist::cookie(std::string(of_all.front()))) : std::nullopt;
}

std::optional<vm> see_vm(std::int32_t pid, const std::filesystem::path& root) {
    vm result;
    result.pid = pid;
    result.proc = root / std::to_string(pid);
    const auto arguments = read_proc_file(result.proc / "cmdline");
    struct stat status {};
    if (arguments.empty() || read_proc_file(result.proc / "comm") != "beam.smp\n" ||
        ::stat(result.proc.c_str(), &status) != 0) {
        return std::nullopt;
    }
    result.uid = status.st_uid;
    const auto variables = read_proc_file(result.proc / "environ");
    const auto all = flags_of_command_line(arguments);
    read_flags(result, all, arguments.c_str());
    read_configuration(result, all);
    read_environment(result, variables);
    result.node_name = node_name_of_command_line(arguments).value_or("");
    result.has_own_hosts_file = has_own_hosts_file(result.proc);
    result.is_in_our_network = !is_in_another_network(root, result.proc);
    return result;
}

vm vm_that_we_would_start() {
    vm result;
    result.uid = ::geteuid();
    result.proc = "/proc/self";
    const auto variables = read_proc_file(result.proc / "environ");
    result.flags_of_variables = std::string("erl") + '\0';
    for (const auto* name : {"ERL_AFLAGS", "ERL_FLAGS", "ERL_ZFLAGS"}) { // in the order in which a VM has them
        const auto line = std::string(variable_of_environment(variables, name).value_or(""));
        for (const auto& word : boost::program_options::split_unix(line)) {
            result.flags_of_variables += word + '\0';
        }
    }
    const auto all = flags_of_command_line(result.flags_of_variables);
    read_flags(result, all, "");
    read_configuration(result, all);
    read_environment(result, variables);
    result.has_visible_environment = true;
    return result;
}

std::vector<vm> see_all_vms(const std::filesystem::path& root) {
    std::vector<vm> result;
    for (const auto pid : erlang_vm_pids(root)) {
        if (auto one = see_vm(pid, root)) {
            result.push_back(std::move(*one));
        }
    }
    return result;
}

std::filesystem::path path_within(const vm& who, const std::filesystem::path& file) {
    if (file.is_relative()) {
        return who.proc / "cwd" / file;
    }
    const auto inside = who.proc / "root" / file.relative_path();
    std::error_code error;
    const auto root = std::filesystem::read_symlink(who.proc / "root", error); // only who may trace it can
    return root.empty() ? file : inside;
}

std::string pid_text(const vm& one) {
    return "pid " + std::to_string(one.pid);
}

activity watch(const vm& who, std::chrono::milliseconds how_long) {
    const auto before = usage_of(who);
    if (before) {
        std::this_thread::sleep_for(how_long);
    }
    const auto after = usage_of(who);
    if (!before || !after || after->state == 'Z' || after->state == 'X') {
        return activity::gone;
    }
    if (after->state == 'T' || after->state == 't') {
        return activity::stopped;
    }
    const auto used = std::chrono::duration<double>(static_cast<double>(after->ticks - before->ticks) /
                                                    static_cast<double>(::sysconf(_SC_CLK_TCK)));
    return used * 5 > how_long ? activity::busy : activity::idle;
}

} // namespace epmd::ctl::doctor
