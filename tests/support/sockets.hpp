/// Real TCP sockets of a test, with nothing between it and the kernel.
#pragma once

#include "placement/socket_address.hpp"
#include "registry/address.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd::test {

/// Closed with its owner.
class tcp_socket {
  public:
    explicit tcp_socket(int descriptor) noexcept : descriptor_(descriptor) {}
    ~tcp_socket() { close(); }
    tcp_socket(tcp_socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    tcp_socket& operator=(tcp_socket&&) = delete;

    void close() noexcept {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    /// As fstat(2) says it, and as /proc/PID/fd shows it.
    [[nodiscard]] std::uint64_t inode() const {
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0) {
            throw std::runtime_error("fstat failed");
        }
        return status.st_ino;
    }

    [[nodiscard]] std::uint16_t port() const {
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&name), &size) != 0) { // NOLINT
            throw std::runtime_error("getsockname failed");
        }
        return ntohs(name.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(name).sin_port     // NOLINT
                                               : reinterpret_cast<const sockaddr_in6&>(name).sin6_port); // NOLINT
    }

  private:
    int descriptor_;
};

/// A socket address of the C library.
struct socket_name {
    sockaddr_storage storage{};
    socklen_t size = 0;

    socket_name(const address& where, std::uint16_t port) {
        if (where.is_v4()) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(storage); // NOLINT
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            const auto bytes = where.v4();
            std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
            size = sizeof v4;
        } else {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(storage); // NOLINT
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(port);
            std::memcpy(&v6.sin6_addr, where.v6().data(), where.v6().size());
            size = sizeof v6;
        }
    }

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage); // NOLINT
    }
};

/// A socket that listens; port 0: the system chooses. Empty: the address is not here, or the port is taken.
inline std::optional<tcp_socket> try_listen(const address& where, std::uint16_t port = 0) {
    const socket_name name(where, port);
    tcp_socket listener(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (listener.descriptor() < 0 || ::bind(listener.descriptor(), name.get(), name.size) != 0 ||
        ::listen(listener.descriptor(), 8) != 0) {
        return std::nullopt;
    }
    return listener;
}

inline tcp_socket listen_on(const address& where, std::uint16_t port = 0) {
    auto listener = try_listen(where, port);
    if (!listener) {
        throw std::runtime_error("cannot listen on " + to_string(where) + ":" + std::to_string(port));
    }
    return std::move(*listener);
}

/// A connection, from whatever address and port the system chooses; or from `source`.
inline tcp_socket connect_to(const address& where, std::uint16_t port, std::optional<address> source = {}) {
    const socket_name name(where, port);
    tcp_socket client(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (source) {
        const socket_name from(*source, 0);
        if (::bind(client.descriptor(), from.get(), from.size) != 0) {
            throw std::runtime_error("cannot bind to " + to_string(*source));
        }
    }
    if (::connect(client.descriptor(), name.get(), name.size) != 0) {
        throw std::runtime_error("cannot connect to " + to_string(where) + ":" + std::to_string(port));
    }
    return client;
}

inline tcp_socket accept_from(const tcp_socket& listener) {
    tcp_socket accepted(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (accepted.descriptor() < 0) {
        throw std::runtime_error("accept failed");
    }
    return accepted;
}

} // namespace epmd::test
