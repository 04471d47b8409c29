#include "doctor/vm.hpp"

#include "doctor/erlang_term.hpp"
#include "doctor/regular_file.hpp"
#include "doctor/vm_text.hpp"
#include "placement/command_line.hpp"
#include "placement/proc_file.hpp"
#include "placement/processes.hpp"

#include <boost/program_options/parsers.hpp>

#include <algorithm>
#include <system_error>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

/// The files that -config names; what a flag says goes before them.
void read_configuration(vm& of, const std::vector<vm_flag>& all) {
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

std::optional<usage> usage_of(const vm& who) {
    return read_stat(read_proc_file(who.proc / "stat"));
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
    take_flags(result, all, arguments.c_str());
    read_configuration(result, all);
    take_environment(result, variables);
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
    take_flags(result, all, "");
    read_configuration(result, all);
    take_environment(result, variables);
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
    const auto used =
        std::chrono::duration<double>((after->ticks - before->ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
    return used * 5 > how_long ? activity::busy : activity::idle;
}

} // namespace epmd::ctl::doctor
