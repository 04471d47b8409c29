#include "server/listeners.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace epmd {
namespace {

using asio::ip::tcp;

bool is_absent_family(boost::system::error_code error) {
    return error == asio::error::address_family_not_supported || error == boost::system::errc::address_not_available;
}

/// Has the address, but does not listen yet.
acceptor open_listener(asio::io_context& io, const address& where, std::uint16_t port) {
    acceptor listener(io);
    const auto check = [&](boost::system::error_code error) {
        if (error) {
            throw listen_error(where, port, error);
        }
    };
    boost::system::error_code error;
    check(listener.open(where.is_v4() ? tcp::v4() : tcp::v6(), error));
    check(listener.set_option(tcp::acceptor::reuse_address(true), error));
    if (!where.is_v4()) {
        check(listener.set_option(asio::ip::v6_only(true), error));
    }
    check(listener.bind({to_asio(where), port}, error));
    check(listener.non_blocking(true, error));
    return listener;
}

/// Has the kernel keep a connection to itself until its request is there, for a second at most. Nearly half of all
/// lookups were accepted before they were sent, and had to wait for on a socket of their own: 11.4 us CPU a lookup, and
/// 9.2 since (scripts/bench lookup). A kernel that refuses hands them over early: slower, and right as well.
void wait_for_requests(acceptor& listener) {
    const int seconds = 1;
    ::setsockopt(listener.native_handle(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

} // namespace

listen_error::listen_error(const address& where, std::uint16_t port, boost::system::error_code why)
    : std::runtime_error("cannot listen on " + to_string(where) + " port " + std::to_string(port) + ": " +
                         why.message()),
      where_(where), port_(port), why_(why) {}

bool listen_error::is_port_taken() const noexcept {
    return why_ == asio::error::address_in_use;
}

std::vector<address> addresses_to_listen_on(const settings& from) {
    if (from.addresses.empty()) {
        return {wildcard_v4, wildcard_v6};
    }
    std::vector<address> result{loopback_v4, loopback_v6};
    result.insert(result.end(), from.addresses.begin(), from.addresses.end());
    const auto has = [&](const address& one) { return std::find(result.begin(), result.end(), one) != result.end(); };
    const bool has_all_v4 = has(wildcard_v4);
    const bool has_all_v6 = has(wildcard_v6);
    std::vector<address> once;
    for (const auto& one : result) {
        const bool is_covered = !one.is_wildcard() && (one.is_v4() ? has_all_v4 : has_all_v6);
        if (!is_covered && std::find(once.begin(), once.end(), one) == once.end()) {
            once.push_back(one);
        }
    }
    return once;
}

std::vector<acceptor> open_listeners(asio::io_context& io, const settings& from) {
    return open_listeners(io, from, addresses_to_listen_on(from));
}

std::vector<acceptor> open_listeners(asio::io_context& io, const settings& from, std::span<const address> addresses) {
    std::vector<acceptor> listeners;
    auto port = from.port;
    for (const auto& where : addresses) {
        try {
            listeners.push_back(open_listener(io, where, port));
            // Port 0 lets the system choose one: the others take the same.
            port = listeners.back().local_endpoint().port();
        } catch (const listen_error& error) {
            const bool is_asked_for =
                where != loopback_v6 && // it is among them always, and was not asked for by who names it
                std::find(from.addresses.begin(), from.addresses.end(), where) != from.addresses.end();
            if (where.is_v4() || is_asked_for || !is_absent_family(error.why())) {
                throw;
            }
        }
    }
    // From the last to the first: who finds the loopback address served, finds all of them, and finds none that is left
    // again because another could not be had.
    for (auto listener = listeners.rbegin(); listener != listeners.rend(); ++listener) {
        restrict_listener(*listener, from.scope);
        boost::system::error_code error;
        listener->listen(asio::socket_base::max_listen_connections, error);
        if (error) {
            throw listen_error(from_asio(listener->local_endpoint().address()), port, error);
        }
        wait_for_requests(*listener);
    }
    return listeners;
}

std::vector<acceptor> adopt_listeners(asio::io_context& io, std::span<const int> descriptors, listen_scope scope) {
    const auto option = [](int descriptor, int name) {
        int value = 0;
        socklen_t length = sizeof value;
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
    };
    std::vector<acceptor> listeners;
    for (const int descriptor : descriptors) {
        const int domain = option(descriptor, SO_DOMAIN);
        const bool is_inet = domain == AF_INET || domain == AF_INET6;
        if (!is_inet || option(descriptor, SO_TYPE) != SOCK_STREAM || option(descriptor, SO_ACCEPTCONN) != 1) {
            throw std::runtime_error("the descriptor " + std::to_string(descriptor) +
                                     " that was passed is no listening TCP socket; let the socket unit say "
                                     "ListenStream= with a port");
        }
        listeners.emplace_back(io, domain == AF_INET ? tcp::v4() : tcp::v6(), descriptor);
        listeners.back().non_blocking(true);
        wait_for_requests(listeners.back());
        restrict_listener(listeners.back(), scope);
    }
    return listeners;
}

bool is_filtered(acceptor& listener) {
    socklen_t instructions = 0; // how many there are is said in place of the length, socket(7)
    return ::getsockopt(listener.native_handle(), SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions) == 0 &&
           instructions > 0;
}

void restrict_listener(acceptor& listener, listen_scope scope) {
    const int descriptor = listener.native_handle();
    if (scope != listen_scope::loopback) {
        const int unused = 0;
        const bool is_open = setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0;
        if (!is_open && is_filtered(listener)) {
            throw std::system_error(errno, std::generic_category(), "listen: cannot take the packet filter away");
        }
        return;
    }
    const auto loopback_device = if_nametoindex("lo");
    if (loopback_device == 0) {
        throw std::system_error(errno, std::generic_category(), "listen = loopback: no device named lo");
    }
    // Passes a packet whole if it came in on the loopback device, else drops it.
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, loopback_device, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog filter{program.size(), program.data()};
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 && errno != EPERM) {
        throw std::system_error(errno, std::generic_category(), "listen = loopback: cannot attach the packet filter");
    }
}

} // namespace epmd
