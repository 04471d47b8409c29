// The bench's floor: the least that an epmd could do for a lookup, a names list and a registration. One epoll loop,
// accept4 and an immediate read, a hash table, one send with MSG_MORE, close. No limits, no checks, no placement, no
// log.
#include "wire/decode.hpp"
#include "wire/encode.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd::bench {
namespace {

std::unordered_map<std::string, std::uint16_t> ports;
std::unordered_map<int, std::string> names; // of connections
std::string list_text;                      // empty: to be made

/// Whether the connection is to be kept.
bool answer(int connection, std::string_view message) {
    std::string reply;
    const auto request = wire::decode_request(message.substr(2));
    if (std::holds_alternative<wire::decode_error>(request)) {
        return false;
    }
    const auto& what = std::get<wire::request>(request);
    bool is_kept = false;
    if (const auto* lookup = std::get_if<wire::port_please2_req>(&what)) {
        const auto known = ports.find(std::string(lookup->alive_name));
        if (known == ports.end()) {
            wire::encode(wire::port2_unknown{}, reply);
        } else {
            wire::encode(wire::port2_resp{.port = known->second, .alive_name = known->first, .extra = {}}, reply);
        }
    } else if (std::holds_alternative<wire::names_req>(what)) {
        if (list_text.empty()) {
            wire::names_resp list{.epmd_port = 4369, .nodes = {}, .hosts = {}};
            for (const auto& [name, port] : ports) {
                list.nodes.push_back({name, port});
            }
            wire::encode(std::move(list), list_text);
        }
        reply = list_text;
    } else if (const auto* node = std::get_if<wire::alive2_req>(&what)) {
        list_text.clear();
        ports[std::string(node->alive_name)] = node->port;
        names[connection] = node->alive_name;
        wire::encode(wire::alive2_x_resp{0, 7}, reply);
        is_kept = true;
    }
    ::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL | (is_kept ? 0 : MSG_MORE));
    return is_kept;
}

void end(int connection) {
    if (const auto known = names.find(connection); known != names.end()) {
        list_text.clear();
        ports.erase(known->second);
        names.erase(known);
    }
    ::close(connection);
}

void read_from(int connection) {
    std::array<char, 4096> buffer; // NOLINT: filled by recv
    const auto size = ::recv(connection, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) {
        return; // not here yet
    }
    if (size < 3 || !answer(connection, {buffer.data(), static_cast<std::size_t>(size)})) {
        end(connection);
    }
}

void serve() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(4369);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 || // NOLINT
        ::listen(listener, 1024) != 0) {
        std::perror("bench_floor");
        return;
    }
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.fd = listener;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int one = events[static_cast<std::size_t>(i)].data.fd;
            if (one != listener) {
                read_from(one);
                continue;
            }
            const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (connection < 0) {
                continue;
            }
            std::array<char, 4096> buffer; // NOLINT: filled by recv
            const auto size = ::recv(connection, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size > 2 && !answer(connection, {buffer.data(), static_cast<std::size_t>(size)})) {
                end(connection);
            } else {
                wanted.data.fd = connection;
                ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &wanted);
            }
        }
    }
}

} // namespace
} // namespace epmd::bench

int main() {
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &most);
    epmd::bench::serve();
    return 1;
}
