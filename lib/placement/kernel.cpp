#include "placement/kernel.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace epmd {
namespace {

/// netlink(7) advises 8 KiB at least for a datagram; the kernel fills what there is.
constexpr std::size_t datagram_bytes = 32768;

/// The kernel answers from the call itself; this is only so that a fault never hangs a thread. Chosen, not tuned.
constexpr timeval answer_time{.tv_sec = 1, .tv_usec = 0};

constexpr std::uint32_t all_states = 0xffffffff;

struct diag_request {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
};

diag_request request_for(const address& any_of_family, std::uint32_t states) {
    diag_request request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_len = sizeof request;
    request.body.sdiag_family = any_of_family.is_v4() ? AF_INET : AF_INET6;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = states;
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return request;
}

void put_address(const address& from, std::uint32_t (&to)[4]) { // NOLINT: the kernel's array
    if (from.is_v4()) {
        std::memcpy(&to, from.v4().data(), sizeof(address::bytes_v4));
    } else {
        std::memcpy(&to, from.v6().data(), sizeof to);
    }
}

address get_address(std::uint8_t family, const std::uint32_t (&from)[4]) { // NOLINT: the kernel's array
    if (family == AF_INET) {
        address::bytes_v4 v4{};
        std::memcpy(v4.data(), &from, v4.size());
        return address(v4);
    }
    address::bytes_v6 v6{};
    std::memcpy(v6.data(), &from, v6.size());
    return address(v6);
}

socket_info info_of(const inet_diag_msg& message) {
    constexpr std::uint8_t listening = TCP_LISTEN;
    return {.local = get_address(message.idiag_family, message.id.idiag_src),
            .local_port = ntohs(message.id.idiag_sport),
            .remote = get_address(message.idiag_family, message.id.idiag_dst),
            .remote_port = ntohs(message.id.idiag_dport),
            .uid = message.idiag_uid,
            .inode = message.idiag_inode,
            .is_listening = message.idiag_state == listening};
}

/// A program for the kernel that lets a socket pass whose own port is one of those: for each, "port >= it", "port <=
/// it", and a jump to the end, which means yes. A jump past the end means no.
std::vector<inet_diag_bc_op> is_one_of(std::span<const std::uint16_t> ports) {
    constexpr std::size_t op_bytes = sizeof(inet_diag_bc_op);
    constexpr std::uint8_t to_next = op_bytes;
    constexpr std::uint8_t over_operand = 2 * op_bytes; // the port to compare with follows each test
    constexpr std::size_t ops_of_one = 5;
    std::vector<inet_diag_bc_op> code;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto left = (ports.size() - i) * ops_of_one - 1; // the last needs no jump
        const auto next_port = static_cast<std::uint16_t>(ops_of_one * op_bytes);
        code.push_back({INET_DIAG_BC_S_GE, over_operand, next_port});
        code.push_back({0, 0, ports[i]});
        code.push_back({INET_DIAG_BC_S_LE, over_operand, static_cast<std::uint16_t>(next_port - over_operand)});
        code.push_back({0, 0, ports[i]});
        if (i + 1 < ports.size()) {
            code.push_back({INET_DIAG_BC_JMP, to_next, static_cast<std::uint16_t>((left - 4) * op_bytes)});
        }
    }
    return code;
}

/// Sends a request and reads its answers to the end.
std::vector<socket_info> ask(int netlink, const void* request, std::size_t size) {
    std::vector<socket_info> sockets;
    if (netlink < 0 || ::send(netlink, request, size, 0) != static_cast<ssize_t>(size)) {
        return sockets;
    }
    alignas(nlmsghdr) std::array<char, datagram_bytes> datagram; // NOLINT: filled by recv
    for (;;) {
        const auto received = ::recv(netlink, datagram.data(), datagram.size(), 0);
        if (received <= 0 || !read_sock_diag({datagram.data(), static_cast<std::size_t>(received)}, sockets)) {
            return sockets;
        }
    }
}

} // namespace

bool read_sock_diag(std::string_view datagram, std::vector<socket_info>& to) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, datagram.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size() ||
            header.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
            return false; // NLMSG_DONE and NLMSG_ERROR among them
        }
        const auto body = datagram.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        inet_diag_msg message{};
        if (body.size() < sizeof message) {
            return false;
        }
        std::memcpy(&message, body.data(), sizeof message);
        to.push_back(info_of(message));
        if ((header.nlmsg_flags & NLM_F_MULTI) == 0) {
            return false; // an answer to an exact query: there is no other
        }
        datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
    }
    return datagram.empty();
}

netlink_kernel::netlink_kernel() : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
    if (netlink_ >= 0) {
        ::setsockopt(netlink_, SOL_SOCKET, SO_RCVTIMEO, &answer_time, sizeof answer_time);
    }
}

netlink_kernel::~netlink_kernel() {
    if (netlink_ >= 0) {
        ::close(netlink_);
    }
}

std::optional<socket_info> netlink_kernel::connected(const address& local, std::uint16_t local_port,
                                                     const address& remote, std::uint16_t remote_port) {
    auto request = request_for(local, all_states);
    request.body.id.idiag_sport = htons(local_port);
    request.body.id.idiag_dport = htons(remote_port);
    put_address(local, request.body.id.idiag_src);
    put_address(remote, request.body.id.idiag_dst);
    for (const auto& found : ask(netlink_, &request, sizeof request)) {
        // Where no connection matches, the kernel falls back to a listener.
        if (!found.is_listening && found.inode != 0) {
            return found;
        }
    }
    return std::nullopt;
}

/// A dump that the kernel filters: 10 to 14 us for each version of IP, beside 10,000 sockets (measured,
/// docs/decisions.md); an exact query would find wildcards only.
std::vector<socket_info> netlink_kernel::listening(std::span<const std::uint16_t> ports) {
    auto result = dump(ports, 1U << TCP_LISTEN);
    std::erase_if(result, [](const socket_info& one) { return !one.is_listening; });
    return result;
}

std::vector<socket_info> netlink_kernel::all_listening() {
    std::vector<socket_info> result;
    for (const auto& family : {wildcard_v4, wildcard_v6}) {
        auto request = request_for(family, 1U << TCP_LISTEN);
        request.header.nlmsg_flags |= NLM_F_DUMP;
        const auto found = ask(netlink_, &request, sizeof request);
        result.insert(result.end(), found.begin(), found.end());
    }
    return result;
}

std::vector<socket_info> netlink_kernel::established(std::uint16_t port) {
    auto result = dump({&port, 1}, 1U << TCP_ESTABLISHED);
    std::erase_if(result, [](const socket_info& one) { return one.is_listening; });
    return result;
}

std::vector<socket_info> netlink_kernel::dump(std::span<const std::uint16_t> ports, std::uint32_t states) {
    std::vector<socket_info> result;
    if (ports.empty()) {
        return result;
    }
    assert(ports.size() <= max_ports_at_once);
    const auto filter = is_one_of(ports);
    const auto filter_bytes = filter.size() * sizeof filter.front();
    nlattr attribute{};
    attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + filter_bytes);
    std::vector<char> message(sizeof(diag_request) + attribute.nla_len);
    std::memcpy(message.data() + sizeof(diag_request), &attribute, sizeof attribute);
    std::memcpy(message.data() + sizeof(diag_request) + sizeof attribute, filter.data(), filter_bytes);
    for (const auto& family : {wildcard_v4, wildcard_v6}) {
        auto request = request_for(family, states);
        request.header.nlmsg_flags |= NLM_F_DUMP;
        request.header.nlmsg_len = static_cast<std::uint32_t>(message.size());
        std::memcpy(message.data(), &request, sizeof request);
        for (auto& found : ask(netlink_, message.data(), message.size())) {
            if (std::find(ports.begin(), ports.end(), found.local_port) != ports.end()) {
                result.push_back(found);
            }
        }
    }
    return result;
}

} // namespace epmd
