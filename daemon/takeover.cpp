#include "takeover.hpp"

#include "client/client.hpp"
#include "complaint.hpp"
#include "handover/descriptor.hpp"
#include "placement/kernel.hpp"
#include "placement/processes.hpp"
#include "server/listeners.hpp"
#include "wire/decode.hpp"
#include "wire/names_list.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <variant>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace epmd {
namespace {

/// Stock ends at once; ours finishes what it has in hand. Chosen, not tuned.
constexpr std::chrono::seconds longest_end{10};

/// How long the epmd may take for each answer. Chosen, not tuned.
constexpr std::chrono::seconds longest_answer{5};

/// What the epmd knows of each of its nodes. Throws std::runtime_error when it is none.
std::vector<node> nodes_of_epmd(std::uint16_t port) {
    const patience waiting{.longest = longest_answer};
    const auto answer = ask_epmd(port, wire::names_req{.with_hosts = true}, waiting);
    const auto listing = answer ? wire::decode_listing(*answer) : std::nullopt;
    if (!listing || listing->epmd_port != port) {
        throw std::runtime_error("who listens on port " + std::to_string(port) +
                                 " does not answer as an epmd does, and is left in peace");
    }
    std::vector<node> nodes;
    for (const auto& row : wire::read_names_list(listing->text)) {
        const wire::port_please2_req request{row.alive_name};
        const auto at = address::parse(row.at);
        const auto reply = at ? ask_epmd_at(*at, port, request, waiting) : ask_epmd(port, request, waiting);
        const auto decoded = reply ? wire::decode_port2_reply(*reply) : std::nullopt;
        const auto* const known = decoded ? std::get_if<wire::port2_resp>(&*decoded) : nullptr;
        if (known == nullptr) {
            continue; // it has gone meanwhile
        }
        nodes.push_back({.alive_name = std::string(known->alive_name),
                         .port = known->port,
                         .node_type = known->node_type,
                         .protocol = known->protocol,
                         .highest_version = known->highest_version,
                         .lowest_version = known->lowest_version,
                         .extra = std::string(known->extra)});
    }
    std::reverse(nodes.begin(), nodes.end()); // the list has the newest first
    return nodes;
}

std::string arguments_of(std::int32_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// One of its descriptors for each of those sockets.
std::vector<int> descriptors_of(std::int32_t pid, const std::vector<socket_info>& sockets) {
    std::map<std::string, int> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
        const auto target = std::filesystem::read_symlink(entry.path(), error).string();
        const bool is_one = std::any_of(sockets.begin(), sockets.end(), [&](const socket_info& one) {
            return target == "socket:[" + std::to_string(one.inode) + "]";
        });
        const auto name = entry.path().filename().string();
        int number = -1;
        if (is_one && std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) {
            found.emplace(target, number);
        }
    }
    std::vector<int> numbers;
    numbers.reserve(found.size());
    for (const auto& [socket, number] : found) {
        numbers.push_back(number);
    }
    return numbers;
}

/// Copies of its listening sockets, if they are just those that are wanted; all or none.
std::vector<descriptor> copy_listeners(int process, std::int32_t pid, const std::vector<socket_info>& sockets,
                                       const settings& from) {
    std::set<address> has;
    for (const auto& one : sockets) {
        has.insert(one.local);
    }
    const auto wanted = addresses_to_listen_on(from);
    if (has != std::set<address>(wanted.begin(), wanted.end())) {
        return {};
    }
    std::vector<descriptor> copies;
    for (const int theirs : descriptors_of(pid, sockets)) {
        copies.emplace_back(static_cast<int>(::syscall(SYS_pidfd_getfd, process, theirs, 0))); // close-on-exec
    }
    const auto is_there = [](const descriptor& one) { return one.is_there(); };
    const bool are_all = copies.size() == sockets.size() && std::all_of(copies.begin(), copies.end(), is_there);
    return are_all ? std::move(copies) : std::vector<descriptor>();
}

void end(const process& epmd, int its_descriptor, std::uint16_t port) {
    const auto who = "pid " + std::to_string(epmd.pid) + " (" + epmd.program + ")";
    if (::syscall(SYS_pidfd_send_signal, its_descriptor, SIGTERM, nullptr, 0) != 0 && errno != ESRCH) {
        throw std::runtime_error("the epmd on port " + std::to_string(port) + " is " + who + ", of uid " +
                                 std::to_string(epmd.uid) + ", and may not be ended by us (" + std::strerror(errno) +
                                 "); run this as that user or as root");
    }
    pollfd ended{.fd = its_descriptor, .events = POLLIN, .revents = 0};
    constexpr int one_second = 1000;
    if (::poll(&ended, 1, one_second) == 0) {
        complain("waiting for " + who + " to end, " + std::to_string(longest_end.count()) + " s at most");
        ::poll(&ended, 1, static_cast<int>(longest_end.count() - 1) * one_second);
    }
    if ((ended.revents & POLLIN) == 0) {
        throw std::runtime_error(who + " does not end; end it yourself and start again");
    }
}

/// Whether a word of its command line is that.
bool has_argument(std::int32_t pid, std::string_view wanted) {
    const auto line = arguments_of(pid);
    std::string_view rest = line;
    while (!rest.empty()) {
        const auto word = rest.substr(0, rest.find('\0'));
        if (word == wanted) {
            return true;
        }
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return false;
}

/// Whose sockets they are. Throws std::runtime_error if we may not see that, or if one is no epmd, or systemd's.
std::vector<process> owners_of(const std::vector<socket_info>& sockets) {
    std::vector<process> owners;
    for (const auto& socket : sockets) {
        const auto on_port = "port " + std::to_string(socket.local_port);
        auto owner = proc_processes().owner_of(socket.inode);
        if (!owner) {
            throw std::runtime_error("the epmd on " + on_port + " is a process of uid " + std::to_string(socket.uid) +
                                     " that we may not see, let alone end; run this as that user or as root");
        }
        if (owner->pid == 1 || owner->program == "systemd" || has_argument(owner->pid, "-systemd")) {
            throw std::runtime_error(on_port + " is a socket unit's of systemd: stop that instead, as with "
                                               "`systemctl stop epmd.socket epmd.service`, and start again");
        }
        // Whoever forwards the port to an epmd elsewhere answers as one.
        if (owner->program != "epmd" && owner->program != "loopmd") {
            throw std::runtime_error("who listens on " + to_string(socket.local) + " " + on_port + ", pid " +
                                     std::to_string(owner->pid) + " (" + owner->program +
                                     "), is no epmd, and is left in peace; end it yourself and start again");
        }
        const auto is_same = [&](const process& other) { return other.pid == owner->pid; };
        if (std::none_of(owners.begin(), owners.end(), is_same)) {
            owners.push_back(std::move(*owner));
        }
    }
    return owners;
}

} // namespace

std::optional<takeover> take_over(const settings& from) {
    netlink_kernel kernel;
    const auto sockets = kernel.listening(std::array{from.port});
    if (sockets.empty()) {
        return std::nullopt;
    }
    takeover result;
    const auto owners = owners_of(sockets);
    std::vector<descriptor> processes;
    for (const auto& owner : owners) {
        processes.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, owner.pid, 0)));
        const auto is_its = [&](const socket_info& one) { return proc_processes().owns(owner.pid, one.inode); };
        if (!processes.back().is_there() || std::none_of(sockets.begin(), sockets.end(), is_its)) {
            throw std::runtime_error("the epmd on port " + std::to_string(from.port) +
                                     " has ended in this moment; start again");
        }
    }
    std::vector<descriptor> listeners;
    if (owners.size() == 1) {
        listeners = copy_listeners(processes.front().number(), owners.front().pid, sockets, from);
    }
    result.nodes = nodes_of_epmd(from.port); // last, so that hardly anybody registers in between
    for (std::size_t i = 0; i < owners.size(); ++i) {
        end(owners[i], processes[i].number(), from.port);
    }
    for (auto& one : listeners) {
        result.listeners.push_back(one.release());
    }
    return result;
}

} // namespace epmd
