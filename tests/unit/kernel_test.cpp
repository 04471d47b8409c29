// The kernel's sockets: handmade datagrams of sock_diag, and the kernel itself asked of sockets of the test.
#include "placement/kernel.hpp"
#include "support/addresses.hpp"
#include "support/sockets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace epmd {
namespace {

using test::operator""_ip;
using sockets = std::vector<socket_info>;

// ---- handmade datagrams

template <typename Plain>
std::string bytes_of(const Plain& what) {
    std::string bytes(sizeof what, '\0');
    std::memcpy(bytes.data(), &what, sizeof what);
    return bytes;
}

/// A netlink message with its header, padded as netlink(7) wants it.
std::string message(std::uint16_t type, std::uint16_t flags, const std::string& body) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    auto result = bytes_of(header) + body;
    result.resize(NLMSG_ALIGN(result.size()));
    return result;
}

std::string diag(const socket_info& what, std::uint8_t state, std::uint16_t flags, const std::string& attributes = "") {
    inet_diag_msg body{};
    const bool is_v4 = what.local.is_v4();
    body.idiag_family = is_v4 ? AF_INET : AF_INET6;
    body.idiag_state = state;
    body.id.idiag_sport = htons(what.local_port);
    body.id.idiag_dport = htons(what.remote_port);
    if (is_v4) {
        std::memcpy(body.id.idiag_src, what.local.v4().data(), 4);
        std::memcpy(body.id.idiag_dst, what.remote.v4().data(), 4);
    } else {
        std::memcpy(body.id.idiag_src, what.local.v6().data(), 16);
        std::memcpy(body.id.idiag_dst, what.remote.v6().data(), 16);
    }
    body.idiag_uid = what.uid;
    body.idiag_inode = static_cast<std::uint32_t>(what.inode);
    return message(SOCK_DIAG_BY_FAMILY, flags, bytes_of(body) + attributes);
}

const socket_info listener{.local = "127.0.0.2"_ip,
                           .local_port = 4370,
                           .remote = "0.0.0.0"_ip,
                           .remote_port = 0,
                           .uid = 1000,
                           .inode = 123456,
                           .is_listening = true};
const socket_info connection{.local = "fd00::2"_ip,
                             .local_port = 65535,
                             .remote = "::1"_ip,
                             .remote_port = 1,
                             .uid = 4294967295U,
                             .inode = 4294967295U,
                             .is_listening = false};

const std::string done = message(NLMSG_DONE, NLM_F_MULTI, std::string(4, '\0'));

TEST_CASE("the answer to an exact query is one socket, and the last") {
    sockets read;
    CHECK_FALSE(read_sock_diag(diag(connection, TCP_ESTABLISHED, 0), read));
    CHECK(read == sockets{connection});
}

TEST_CASE("answers to a dump go on until it says that it is done") {
    sockets read;
    const auto first = diag(listener, TCP_LISTEN, NLM_F_MULTI) + diag(connection, TCP_ESTABLISHED, NLM_F_MULTI);
    CHECK(read_sock_diag(first, read));
    CHECK(read == sockets{listener, connection});
    CHECK(read_sock_diag(diag(listener, TCP_LISTEN, NLM_F_MULTI), read));
    CHECK_FALSE(read_sock_diag(done, read));
    CHECK(read == sockets{listener, connection, listener});
}

TEST_CASE("a dump may be done in the datagram of its last sockets") {
    sockets read;
    CHECK_FALSE(read_sock_diag(diag(listener, TCP_LISTEN, NLM_F_MULTI) + done, read));
    CHECK(read == sockets{listener});
}

TEST_CASE("attributes after a socket are passed over") {
    sockets read;
    const auto with = diag(listener, TCP_LISTEN, NLM_F_MULTI, std::string(13, 'a'));
    CHECK(read_sock_diag(with + diag(connection, TCP_ESTABLISHED, NLM_F_MULTI), read));
    CHECK(read == sockets{listener, connection});
}

TEST_CASE("only the state listen is listening") {
    for (std::uint8_t state = 0; state < 16; ++state) {
        CAPTURE(state);
        sockets read;
        read_sock_diag(diag(connection, state, 0), read);
        REQUIRE(read.size() == 1);
        CHECK(read.front().is_listening == (state == TCP_LISTEN));
    }
}

TEST_CASE("an IPv4 address in an IPv6 socket is IPv4") {
    inet_diag_msg body{};
    body.idiag_family = AF_INET6;
    const address::bytes_v6 mapped = "127.0.0.2"_ip.v6();
    std::memcpy(body.id.idiag_src, mapped.data(), mapped.size());
    sockets read;
    read_sock_diag(message(SOCK_DIAG_BY_FAMILY, 0, bytes_of(body)), read);
    REQUIRE(read.size() == 1);
    CHECK(read.front().local == "127.0.0.2"_ip);
    CHECK(read.front().remote == wildcard_v6);
}

TEST_CASE("an error ends the answers") {
    nlmsgerr error{};
    error.error = -2; // ENOENT
    sockets read;
    CHECK_FALSE(read_sock_diag(message(NLMSG_ERROR, 0, bytes_of(error)), read));
    CHECK(read.empty());
    CHECK_FALSE(read_sock_diag(diag(listener, TCP_LISTEN, NLM_F_MULTI) + message(NLMSG_ERROR, 0, bytes_of(error)) +
                                   diag(connection, TCP_ESTABLISHED, NLM_F_MULTI),
                               read));
    CHECK(read == sockets{listener});
}

TEST_CASE("a datagram that ends early gives the sockets that are whole") {
    const auto first = diag(listener, TCP_LISTEN, NLM_F_MULTI);
    const auto second = diag(connection, TCP_ESTABLISHED, NLM_F_MULTI);
    const auto whole = first + second + done;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const std::string cut = whole.substr(0, size); // a buffer of its own, so that a sanitizer sees its end
        sockets expected;
        if (size >= first.size()) {
            expected.push_back(listener);
        }
        if (size >= first.size() + second.size()) {
            expected.push_back(connection);
        }
        sockets read;
        read_sock_diag(cut, read);
        CHECK(read == expected);
    }
}

TEST_CASE("a datagram that ends inside a message is the last") {
    const auto first = diag(listener, TCP_LISTEN, NLM_F_MULTI);
    const auto whole = first + diag(connection, TCP_ESTABLISHED, NLM_F_MULTI);
    for (std::size_t size = 1; size < whole.size(); ++size) {
        CAPTURE(size);
        sockets read;
        CHECK(read_sock_diag(whole.substr(0, size), read) == (size == first.size()));
    }
}

TEST_CASE("a length that is none ends the answers") {
    for (const std::uint32_t length : {0U, 1U, 15U, 16U, 17U, 1000U, 0x7fffffffU, 0xffffffffU}) {
        CAPTURE(length);
        auto datagram = diag(listener, TCP_LISTEN, NLM_F_MULTI);
        std::memcpy(datagram.data(), &length, sizeof length);
        sockets read;
        CHECK_FALSE(read_sock_diag(datagram, read));
        CHECK(read.empty());
    }
}

TEST_CASE("any bytes will do") {
    std::mt19937 chance(2); // NOLINT: the same bytes in every run
    std::uniform_int_distribution<int> any_byte(0, 255);
    const auto whole = diag(listener, TCP_LISTEN, NLM_F_MULTI) + diag(connection, TCP_ESTABLISHED, 0) + done;
    for (int i = 0; i < 5000; ++i) {
        auto datagram = whole;
        for (int changes = 0; changes < 1 + i % 4; ++changes) {
            datagram[chance() % datagram.size()] = static_cast<char>(any_byte(chance));
        }
        sockets read;
        read_sock_diag(datagram, read);
        CHECK(read.size() <= 2);
    }
}

// ---- the kernel itself

bool has_v6() {
    if (test::try_listen("::1"_ip)) {
        return true;
    }
    MESSAGE("skipped: this machine has no ::1");
    return false;
}

/// What sock_diag ought to say of a listener of ours.
socket_info expected_listener(const test::tcp_socket& of, const address& where) {
    return {.local = where,
            .local_port = of.port(),
            .remote = where.is_v4() ? wildcard_v4 : wildcard_v6,
            .remote_port = 0,
            .uid = ::getuid(),
            .inode = of.inode(),
            .is_listening = true};
}

/// On one port.
sockets listening_on(kernel& asked, std::uint16_t port) {
    return asked.listening(std::array{port});
}

sockets sorted(sockets all) {
    std::sort(all.begin(), all.end(),
              [](const socket_info& left, const socket_info& right) { return left.local < right.local; });
    return all;
}

/// Two listeners on one port, at two addresses. The port that the first got may be taken at the other: try
/// again.
std::pair<test::tcp_socket, test::tcp_socket> two_listeners(const address& first, const address& second) {
    constexpr int tries = 20;
    for (int i = 0; i < tries; ++i) {
        auto one = test::listen_on(first);
        if (auto other = test::try_listen(second, one.port())) {
            return {std::move(one), std::move(*other)};
        }
    }
    throw std::runtime_error("no port is free at both addresses");
}

TEST_CASE("all listeners on a port are found, each at its address") {
    const auto [lowry, jill] = two_listeners("127.0.0.2"_ip, "127.0.0.3"_ip);
    const auto elsewhere = test::listen_on("127.0.0.2"_ip);
    netlink_kernel kernel;
    CHECK(sorted(listening_on(kernel, lowry.port())) ==
          sockets{expected_listener(lowry, "127.0.0.2"_ip), expected_listener(jill, "127.0.0.3"_ip)});
    CHECK(listening_on(kernel, elsewhere.port()) == sockets{expected_listener(elsewhere, "127.0.0.2"_ip)});
}

TEST_CASE("a listener on every address is found at the wildcard") {
    const auto listener_v4 = test::listen_on("0.0.0.0"_ip);
    netlink_kernel kernel;
    CHECK(listening_on(kernel, listener_v4.port()) == sockets{expected_listener(listener_v4, wildcard_v4)});
}

TEST_CASE("IPv6 listeners are found, beside an IPv4 one on their port") {
    if (!has_v6()) {
        return;
    }
    const auto everywhere = test::listen_on("::"_ip);
    netlink_kernel kernel;
    CHECK(listening_on(kernel, everywhere.port()) == sockets{expected_listener(everywhere, wildcard_v6)});
    const auto [v4, v6] = two_listeners("127.0.0.2"_ip, "::1"_ip);
    CHECK(sorted(listening_on(kernel, v4.port())) ==
          sockets{expected_listener(v6, "::1"_ip), expected_listener(v4, "127.0.0.2"_ip)});
}

TEST_CASE("on a port where nobody listens nothing is found") {
    auto listening = test::listen_on("127.0.0.2"_ip);
    const auto port = listening.port();
    netlink_kernel kernel;
    CHECK(listening_on(kernel, port).size() == 1);
    listening.close();
    CHECK(listening_on(kernel, port).empty());
    // A connection's own port is nobody's to listen on.
    const auto other = test::listen_on("127.0.0.2"_ip);
    const auto client = test::connect_to("127.0.0.2"_ip, other.port());
    CHECK(listening_on(kernel, client.port()).empty());
    CHECK(listening_on(kernel, 0).empty());
}

/// A connection from `source` to `where` is found from both its ends.
void check_connection(const address& where, const address& source, const address& bound_to) {
    const auto listening = test::listen_on(bound_to);
    const auto client = test::connect_to(where, listening.port(), source);
    const auto server = test::accept_from(listening);
    netlink_kernel kernel;
    const socket_info expected{.local = source,
                               .local_port = client.port(),
                               .remote = where,
                               .remote_port = listening.port(),
                               .uid = ::getuid(),
                               .inode = client.inode(),
                               .is_listening = false};
    CHECK(kernel.connected(source, client.port(), where, listening.port()) == expected);
    const socket_info other_end{.local = where,
                                .local_port = listening.port(),
                                .remote = source,
                                .remote_port = client.port(),
                                .uid = ::getuid(),
                                .inode = server.inode(),
                                .is_listening = false};
    CHECK(kernel.connected(where, listening.port(), source, client.port()) == other_end);
}

TEST_CASE("a connection is found from both its ends") {
    check_connection("127.0.0.1"_ip, "127.0.0.1"_ip, "127.0.0.1"_ip);
    check_connection("127.0.0.2"_ip, "127.0.0.3"_ip, "127.0.0.2"_ip);
    check_connection("127.0.0.2"_ip, "127.0.0.1"_ip, "0.0.0.0"_ip);
}

TEST_CASE("an IPv6 connection is found from both its ends") {
    if (has_v6()) {
        check_connection("::1"_ip, "::1"_ip, "::1"_ip);
        check_connection("::1"_ip, "::1"_ip, "::"_ip);
    }
}

TEST_CASE("an IPv4 connection to an IPv6 listener is found from both its ends") {
    if (has_v6()) {
        check_connection("127.0.0.2"_ip, "127.0.0.1"_ip, "::"_ip);
    }
}

TEST_CASE("a connection that is not accepted yet is found") {
    const auto listening = test::listen_on("127.0.0.2"_ip);
    const auto client = test::connect_to("127.0.0.2"_ip, listening.port(), "127.0.0.1"_ip);
    netlink_kernel kernel;
    const auto found = kernel.connected("127.0.0.1"_ip, client.port(), "127.0.0.2"_ip, listening.port());
    REQUIRE(found);
    CHECK(found->inode == client.inode());
}

TEST_CASE("a closed peer is not found") {
    const auto listening = test::listen_on("127.0.0.2"_ip);
    auto client = test::connect_to("127.0.0.2"_ip, listening.port(), "127.0.0.1"_ip);
    const auto port = client.port();
    auto server = test::accept_from(listening);
    netlink_kernel kernel;
    CHECK(kernel.connected("127.0.0.1"_ip, port, "127.0.0.2"_ip, listening.port()));
    client.close();
    CHECK(kernel.connected("127.0.0.1"_ip, port, "127.0.0.2"_ip, listening.port()) == std::nullopt);
    server.close(); // now the client's end only waits out its time
    CHECK(kernel.connected("127.0.0.1"_ip, port, "127.0.0.2"_ip, listening.port()) == std::nullopt);
}

TEST_CASE("where there is no connection, a listener is not taken for one") {
    const auto listening = test::listen_on("0.0.0.0"_ip);
    netlink_kernel kernel;
    CHECK(kernel.connected("127.0.0.1"_ip, listening.port(), "127.0.0.1"_ip, 1) == std::nullopt);
    CHECK(kernel.connected("192.0.2.1"_ip, 1, "192.0.2.2"_ip, 2) == std::nullopt);
    CHECK(kernel.connected("2001:db8::1"_ip, 1, "2001:db8::2"_ip, 2) == std::nullopt);
}

TEST_CASE("questions one after the other each get their own answer") {
    const auto first = test::listen_on("127.0.0.2"_ip);
    const auto second = test::listen_on("127.0.0.3"_ip);
    const auto client = test::connect_to("127.0.0.2"_ip, first.port(), "127.0.0.1"_ip);
    netlink_kernel kernel;
    for (int i = 0; i < 100; ++i) {
        REQUIRE(listening_on(kernel, first.port()) == sockets{expected_listener(first, "127.0.0.2"_ip)});
        REQUIRE(kernel.connected("192.0.2.1"_ip, 1, "192.0.2.2"_ip, 2) == std::nullopt);
        REQUIRE(listening_on(kernel, second.port()) == sockets{expected_listener(second, "127.0.0.3"_ip)});
        const auto found = kernel.connected("127.0.0.1"_ip, client.port(), "127.0.0.2"_ip, first.port());
        REQUIRE(found);
        REQUIRE(found->inode == client.inode());
    }
}

TEST_CASE("of the listeners of many ports all are found at once, and no other") {
    netlink_kernel kernel;
    CHECK(kernel.listening({}).empty());
    const auto between = test::listen_on("127.0.0.2"_ip);
    for (const std::size_t count : {1, 2, 3, 16, 17, 100, 1000}) {
        CAPTURE(count);
        // The ends of the range, a port of nobody's, one twice; the listeners' own among them.
        std::vector<std::uint16_t> ports{0, 65535, 65535, 1};
        std::vector<test::tcp_socket> all;
        sockets expected;
        const auto how_many = std::min<std::size_t>(count, 100);
        for (std::size_t i = 0; i < how_many; ++i) {
            all.push_back(test::listen_on("127.0.0.3"_ip));
            expected.push_back(expected_listener(all.back(), "127.0.0.3"_ip));
            ports.push_back(all.back().port());
        }
        while (ports.size() < count) {
            ports.push_back(1);
        }
        ports.resize(std::min<std::size_t>(ports.size(), kernel::max_ports_at_once));
        std::reverse(ports.begin(), ports.end());
        auto found = kernel.listening(ports);
        std::erase_if(found,
                      [](const socket_info& one) { return one.local != "127.0.0.3"_ip; }); // others' on 1 or 65535
        const auto by_port = [](const socket_info& left, const socket_info& right) {
            return left.local_port < right.local_port;
        };
        std::sort(found.begin(), found.end(), by_port);
        std::sort(expected.begin(), expected.end(), by_port);
        CHECK(found == expected);
    }
}

TEST_CASE("a hundred listeners on one port are all found") {
    // More than one datagram of answers.
    const auto first = test::listen_on("127.0.0.2"_ip);
    std::vector<test::tcp_socket> others;
    constexpr std::uint8_t count = 250;
    for (std::uint8_t last = 3; last < count; ++last) {
        if (auto other = test::try_listen(address(address::bytes_v4{127, 0, 77, last}), first.port())) {
            others.push_back(std::move(*other));
        }
    }
    netlink_kernel kernel;
    CHECK(others.size() > 100);
    CHECK(listening_on(kernel, first.port()).size() == others.size() + 1);
}

} // namespace
} // namespace epmd
