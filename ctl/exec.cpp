// epmdctl exec: a command as if on a host.
#include "daemon.hpp"
#include "environment.hpp"
#include "host_text.hpp"
#include "node_environment.hpp"
#include "output.hpp"
#include "shell.hpp"
#include "uts.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ; // NOLINT: POSIX's

namespace epmd::ctl {
namespace {

constexpr std::array flags{
    flag{"print", "", "print the environment for a shell or direnv, and run nothing"},
    flag{"dial-from-anywhere", "", "let nodes dial from any address, as other machines need it"},
    flag{"keep-hostname", "", "leave the hostname as it is: name nodes with their host"},
};

/// As shells say that a command is not there, or is none.
constexpr int not_found = 127;
constexpr int not_executable = 126;

/// The daemon that was installed with us, else the one on the PATH.
std::string daemon_program() {
    std::error_code ignored;
    const auto beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "loopmd";
    return ::access(beside.c_str(), X_OK) == 0 ? beside.string() : "loopmd";
}

/// Has one serve the port. It says itself what is wrong, if it does not.
void start_daemon(std::uint16_t port) {
    ::setenv("ERL_EPMD_PORT", std::to_string(port).c_str(), 1); // NOLINT(concurrency-mt-unsafe): there is one thread
    auto program = daemon_program();
    std::string flag = "-daemon";
    const std::array<char*, 3> words{program.data(), flag.data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, program.c_str(), nullptr, nullptr, words.data(), environ);
    int status = 0;
    if (error != 0) {
        throw failure("no epmd answers on port " + std::to_string(port) + ", and " + program +
                      " cannot be started: " + std::generic_category().message(error));
    }
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw failure("no epmd answers on port " + std::to_string(port) + ", and " + program +
                      " -daemon does not start");
    }
    remark("has started " + program + " -daemon, since no epmd answered on port " + std::to_string(port));
}

/// The hosts as the daemon knows them, which is brought up if need be.
hosts served_hosts(const call& how) {
    try {
        return hosts_of(page(how, "/hosts"));
    } catch (const no_loopmd& error) {
        remark("warning: " + std::string(error.what()) +
               ". To that one all hosts are one, and a name is taken on all of them");
        return configured_hosts();
    } catch (const no_epmd&) {
        start_daemon(how.port);
    }
    return hosts_of(page(how, "/hosts"));
}

/// Names of nodes are told apart by their case, and those of hosts are not: the host's own way to write it counts.
std::string hostname_for(std::string name, host where, const hosts& known) {
    if (address::parse(name)) {
        return hostname_of(where, known);
    }
    if (name.ends_with('.')) {
        name.pop_back();
    }
    for (const auto& one : known.names_of(where)) {
        for (const std::string_view spelling : {std::string_view(one), first_label(one)}) {
            if (is_same_name(spelling, name)) {
                return std::string(spelling);
            }
        }
    }
    return name;
}

void print_for_shell(const residence& about, const hosts& known) {
    std::string text;
    for (const auto& [name, value] : node_environment(about, known, variable)) {
        text += "export " + name + "=" + shell_quoted(value) + "\n";
    }
    const auto how = known.names_of(about.where).empty() ? "--name idfe@" + to_string(about.where.first_address())
                                                         : "--sname idfe@" + std::string(first_label(about.hostname));
    print(text + "# " + describe(about.where, known) + "; name nodes with their host: " + how + "\n");
}

/// Whether a folder of the PATH has it. execvp(3) says that it may not where it may not look, also for what is nowhere.
bool is_anywhere(const std::string& command) {
    const auto path = variable("PATH").value_or("");
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find(':', begin), path.size());
        const auto folder = path.substr(begin, end - begin);
        if (::access(((folder.empty() ? "." : folder) + "/" + command).c_str(), F_OK) == 0) {
            return true;
        }
        begin = end + 1;
    }
    return false;
}

/// Comes back only if the command cannot be run.
exit_status become(const std::vector<std::string>& command) {
    std::vector<std::string> copies(command);
    std::vector<char*> words;
    words.reserve(copies.size() + 1);
    for (auto& one : copies) {
        words.push_back(one.data());
    }
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
    const bool is_searched = command.front().find('/') == std::string::npos;
    const int error = errno == EACCES && is_searched && !is_anywhere(command.front()) ? ENOENT : errno;
    remark(shown(command.front()) + ": " + std::generic_category().message(error));
    return static_cast<exit_status>(error == ENOENT ? not_found : not_executable);
}

/// Whether the command line, or a variable that VMs read, names the carrier of distribution.
bool is_protocol_chosen(const std::vector<std::string>& command) {
    const auto names_it = [](const std::string& text) { return text.find("proto_dist") != std::string::npos; };
    return std::any_of(command.begin(), command.end(), names_it) || names_it(variable("ERL_FLAGS").value_or("")) ||
           names_it(variable("ERL_ZFLAGS").value_or("")) || names_it(variable("ELIXIR_ERL_OPTIONS").value_or(""));
}

exit_status run(const call& how) {
    const auto& name = how.operands.front();
    const std::vector<std::string> command(how.operands.begin() + 1, how.operands.end());
    const bool is_printed = how.has("print");
    if (command.empty() != is_printed) {
        throw usage_error(is_printed ? "exec: with --print there is no command"
                                     : "exec: which command? As in epmdctl exec " + name + " -- iex --sname idfe");
    }
    const auto known = is_printed ? known_hosts(how) : served_hosts(how);
    const auto where = host_named(name, known);
    if (where.is_machine()) { // so one Procfile suits the machines among which hosts move
        remark(shown(name) +
               " is this machine itself: " + (is_printed ? "there is nothing to set" : "the command runs as it is"));
        return is_printed ? done : become(command);
    }
    const residence about{.where = where,
                          .hostname = hostname_for(name, where, known),
                          .epmd_port = how.port,
                          .dials_from_there = !how.has("dial-from-anywhere"),
                          .may_choose_protocol = !is_protocol_chosen(command)};
    if (is_printed) {
        print_for_shell(about, known);
        return done;
    }
    for (const auto& [key, value] : node_environment(about, known, variable)) {
        ::setenv(key.c_str(), value.c_str(), 1); // NOLINT(concurrency-mt-unsafe): there is one thread
    }
    if (!how.has("keep-hostname")) {
        take_hostname(about.hostname);
        ::setenv("HOSTNAME", about.hostname.c_str(), 1); // NOLINT(concurrency-mt-unsafe): as shells do
    }
    return become(command);
}

} // namespace

const verb exec_verb{.name = "exec",
                     .operands = "HOST [--] COMMAND...",
                     .help = "run a command as if on a host",
                     .fewest_operands = 1,
                     .most_operands = 1000000,
                     .flags = flags,
                     .has_command = true,
                     .run = run};

} // namespace epmd::ctl
