#include "placement/processes.hpp"

#include "placement/command_line.hpp"
#include "placement/proc_file.hpp"
#include "wire/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd {
namespace {

/// The name of the Erlang VM's process, however it was started (observed: erl, iex, elixir, escript, heart, run_erl).
constexpr std::string_view vm_program = "beam.smp";

/// An atom, so of 255 characters of UTF-8 at most; a longer one is no VM's.
constexpr std::size_t max_node_name_bytes = wire::max_alive_name_characters * std::size_t{4};

/// So much of a command line, and of an environment, is looked at: what names a VM stands in one argument or variable,
/// each of which has 128 KiB at most (MAX_ARG_STRLEN of execve(2)), and hundreds of flags take less. Who writes more
/// into his own would keep others waiting.
constexpr std::size_t looked_at_bytes = 256U << 10U;

/// So many VMs of a user are looked at, the newest, where only their names tell which of them a connection is. Chosen,
/// not tuned: more than a person runs.
constexpr std::size_t max_vms_of_user = 500;

struct close_directory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using directory = std::unique_ptr<DIR, close_directory>;

std::optional<std::int32_t> as_number(std::string_view text) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

/// All processes, newest first: who registers now was mostly started a moment ago.
std::vector<std::int32_t> all_pids(const std::filesystem::path& root) {
    std::vector<std::int32_t> pids;
    const directory processes(::opendir(root.c_str()));
    while (const auto* one = processes ? ::readdir(processes.get()) : nullptr) {
        if (const auto pid = as_number(one->d_name)) {
            pids.push_back(*pid);
        }
    }
    std::sort(pids.rbegin(), pids.rend());
    return pids;
}

std::string program_of(const std::filesystem::path& of_process) {
    auto name = read_proc_file(of_process / "comm");
    if (name.ends_with('\n')) {
        name.pop_back();
    }
    return name;
}

std::optional<std::uint32_t> uid_of(const std::filesystem::path& of_process) {
    struct stat status {};
    if (::stat(of_process.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return status.st_uid;
}

/// The inode of the socket to which a link in /proc/PID/fd leads, as "socket:[4711]".
std::optional<std::uint64_t> socket_in(std::string_view target) {
    constexpr std::string_view before = "socket:[";
    std::uint64_t inode = 0;
    if (!target.starts_with(before)) {
        return std::nullopt;
    }
    target.remove_prefix(before.size());
    const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), inode);
    const bool is_whole = error == std::errc() && std::string_view(end, target.data() + target.size()) == "]";
    return is_whole ? std::optional(inode) : std::nullopt;
}

/// The inode of the socket to which a link leads; empty if it leads to another thing. `folder`: where `name` begins.
std::optional<std::uint64_t> socket_at(int folder, const char* name) {
    std::array<char, 64> target; // NOLINT: filled by readlinkat
    const auto size = ::readlinkat(folder, name, target.data(), target.size());
    return socket_in({target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
}

/// Whether one of a process's descriptors is that socket; `passed` is told of each other socket on the way, and of its
/// descriptor. False as well where we may not look.
template <typename Passed>
bool has_socket(const std::filesystem::path& of_process, std::uint64_t inode, Passed passed) {
    const auto folder = of_process / "fd";
    const directory descriptors(::opendir(folder.c_str()));
    if (!descriptors) {
        return false;
    }
    std::vector<int> numbers;
    while (const auto* one = ::readdir(descriptors.get())) {
        if (const auto number = as_number(one->d_name)) {
            numbers.push_back(*number);
        }
    }
    // The newest first, for a node that registers has just opened it; the kernel lists the oldest first.
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
        const auto found = socket_at(::dirfd(descriptors.get()), std::to_string(*number).c_str());
        if (found == inode) {
            return true;
        }
        if (found) {
            passed(*found, *number);
        }
    }
    return false;
}

bool has_socket(const std::filesystem::path& of_process, std::uint64_t inode) {
    return has_socket(of_process, inode, [](std::uint64_t, int) {});
}

/// Another namespace is taken to have another hostname: nothing tells it from outside. Only who may trace the process
/// can tell them apart (proc_pid_ns(5)).
hostname_of_process hostname_of(const std::filesystem::path& root, const std::filesystem::path& of_process) {
    std::error_code error;
    const auto theirs = std::filesystem::read_symlink(of_process / "ns/uts", error);
    if (error) {
        return hostname_of_process::unknown;
    }
    const auto ours = std::filesystem::read_symlink(root / "self/ns/uts", error);
    if (error) {
        return hostname_of_process::unknown;
    }
    return theirs == ours ? hostname_of_process::ours : hostname_of_process::another;
}

process describe(const std::filesystem::path& root, std::int32_t pid) {
    const auto folder = root / std::to_string(pid);
    process result;
    result.pid = pid;
    result.uid = uid_of(folder).value_or(0);
    result.program = program_of(folder);
    const auto command_line = read_proc_file(folder / "cmdline", looked_at_bytes);
    result.has_plain_distribution = has_plain_distribution(command_line);
    if (result.program == vm_program) {
        result.hostname = hostname_of(root, folder);
        auto name = node_name_of_command_line(command_line);
        const auto variables = name ? std::string() : read_proc_file(folder / "environ", looked_at_bytes);
        if (!name) {
            name = node_name_of_environment(variables);
        }
        if (name && name->size() <= max_node_name_bytes) {
            result.node_name = std::string(*name);
        }
    }
    return result;
}

} // namespace

/// VMs first: 2.8 ms against 46 ms for every descriptor of 572 processes (measured, docs/decisions.md).
///
/// The newest processes come first: those that start together are passed on the way to the one that is asked for, and
/// found at once when it is their turn.
std::optional<process> proc_processes::owner_of(std::uint64_t inode) {
    if (const auto known = passed_.find(inode); known != passed_.end()) {
        const auto [pid, descriptor] = known->second;
        const auto link = root_ / std::to_string(pid) / "fd" / std::to_string(descriptor);
        if (socket_at(AT_FDCWD, link.c_str()) == inode) {
            return describe(root_, pid);
        }
    }
    passed_.clear();
    const auto has_it = [&](std::int32_t pid) {
        return has_socket(root_ / std::to_string(pid), inode, [&](std::uint64_t other, int descriptor) {
            passed_.emplace(other, place{pid, descriptor});
        });
    };
    std::vector<std::int32_t> others;
    for (const auto pid : all_pids(root_)) {
        if (program_of(root_ / std::to_string(pid)) != vm_program) {
            others.push_back(pid);
        } else if (has_it(pid)) {
            return describe(root_, pid);
        }
    }
    const auto found = std::find_if(others.begin(), others.end(), has_it);
    return found == others.end() ? std::nullopt : std::optional(describe(root_, *found));
}

std::vector<process> proc_processes::erlang_vms(std::uint32_t uid) {
    std::vector<process> result;
    for (const auto pid : erlang_vm_pids(root_)) {
        if (uid_of(root_ / std::to_string(pid)) == uid) {
            result.push_back(describe(root_, pid));
        }
        if (result.size() == max_vms_of_user) {
            break;
        }
    }
    return result;
}

std::vector<std::int32_t> erlang_vm_pids(const std::filesystem::path& root) {
    auto pids = all_pids(root);
    std::erase_if(pids, [&](std::int32_t pid) { return program_of(root / std::to_string(pid)) != vm_program; });
    return pids;
}

bool proc_processes::owns(std::int32_t pid, std::uint64_t inode) {
    return has_socket(root_ / std::to_string(pid), inode);
}

} // namespace epmd
