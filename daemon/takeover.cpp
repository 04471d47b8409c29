#include "takeover.hpp"

#include "client/client.hpp"
#include "complaint.hpp"
#include "placement/kernel.hpp"
#include "placement/processes.hpp"
#include "server/listeners.hpp"
#include "wire/decode.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
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

/// Closed with its owner.
class descriptor {
  public:
    explicit descriptor(int number) noexcept : number_(number) {}
    ~descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

/// A name in a listing, and where it is looked up.
struct listed {
    std::string alive_name;
    std::optional<address> at; ///< empty: at the machine
};

/// The rows of a names list: "name idfe at port 4711", and in ours "host lowry at 127.0.0.2, fd00::2" before those of
/// a host.
std::vector<listed> rows_of(std::string_view text) {
    std::vector<listed> rows;
    std::optional<address> at;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.starts_with("host ")) {
            const auto begin = line.rfind(" at "); // a host without a name is called by its address
            const auto addresses = line.substr(begin == std::string_view::npos ? 5 : begin + 4);
            at = address::parse(addresses.substr(0, addresses.find(',')));
        } else if (line.starts_with("name ")) {
            rows.push_back({std::string(line.substr(5, line.rfind(" at port ") - 5)), at});
        }
    }
    return rows;
}

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
    for (const auto& row : rows_of(listing->text)) {
        const wire::port_please2_req request{row.alive_name};
        const auto reply = row.at ? ask_epmd_at(*row.at, port, request, waiting) : ask_epmd(port, request, waiting);
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

/// Its own descriptors of those sockets.
std::vector<int> descriptors_of(std::int32_t pid, const std::vector<socket_info>& sockets) {
    std::vector<int> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
        const auto target = std::filesystem::read_symlink(entry.path(), error).string();
        const bool is_one = std::any_of(sockets.begin(), sockets.end(), [&](const socket_info& one) {
            return target == "socket:[" + std::to_string(one.inode) + "]";
        });
        const auto name = entry.path().filename().string();
        int number = -1;
        if (is_one && std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) {
            found.push_back(number);
        }
    }
    return found;
}

/// Copies of its listening sockets, if they are just those that are wanted; all or none.
std::vector<int> copy_listeners(int process, std::int32_t pid, const std::vector<socket_info>& sockets,
                                const settings& from) {
    std::set<address> has;
    for (const auto& one : sockets) {
        has.insert(one.local);
    }
    const auto wanted = addresses_to_listen_on(from);
    if (has != std::set<address>(wanted.begin(), wanted.end())) {
        return {};
    }
    std::vector<int> copies;
    for (const int theirs : descriptors_of(pid, sockets)) {
        copies.push_back(static_cast<int>(::syscall(SYS_pidfd_getfd, process, theirs, 0))); // close-on-exec, as it says
    }
    if (copies.size() == sockets.size() && std::count(copies.begin(), copies.end(), -1) == 0) {
        return copies;
    }
    for (const int copy : copies) {
        if (copy >= 0) {
            ::close(copy);
        }
    }
    return {};
}

void end(const process& epmd, int its_descriptor, std::uint16_t port) {
    const auto who = "pid " + std::to_string(epmd.pid) + " (" + epmd.program + ")";
    if (::syscall(SYS_pidfd_send_signal, its_descriptor, SIGTERM, nullptr, 0) != 0) {
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

/// Whose sockets they are. Throws std::runtime_error, if we may not see that, or if it is systemd.
std::vector<process> owners_of(const std::vector<socket_info>& sockets) {
    std::vector<process> owners;
    for (const auto& socket : sockets) {
        const auto on_port = "port " + std::to_string(socket.local_port);
        auto owner = proc_processes().owner_of(socket.inode);
        if (!owner) {
            throw std::runtime_error("the epmd on " + on_port + " is a process of uid " + std::to_string(socket.uid) +
                                     " that we may not see, let alone end; run this as that user or as root");
        }
        if (owner->pid == 1 || arguments_of(owner->pid).find("-systemd") != std::string::npos) {
            throw std::runtime_error(on_port + " is a socket unit's of systemd: stop that instead, as with "
                                               "`systemctl stop epmd.socket epmd.service`, and start again");
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
    takeover result{.nodes = nodes_of_epmd(from.port), .listeners = {}};
    const auto owners = owners_of(sockets);
    for (const auto& owner : owners) {
        const descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, owner.pid, 0)));
        if (owners.size() == 1) {
            result.listeners = copy_listeners(process.number(), owner.pid, sockets, from);
        }
        end(owner, process.number(), from.port);
    }
    return result;
}

} // namespace epmd
