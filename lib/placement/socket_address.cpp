#include "placement/socket_address.hpp"

#include <cstring>

#include <netinet/in.h>

namespace epmd {

std::optional<address> address_of(const sockaddr& from) noexcept {
    if (from.sa_family == AF_INET) {
        address::bytes_v4 bytes{};
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(from).sin_addr, bytes.size()); // NOLINT
        return address(bytes);
    }
    if (from.sa_family == AF_INET6) {
        address::bytes_v6 bytes{};
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, bytes.size()); // NOLINT
        return address(bytes);
    }
    return std::nullopt;
}

} // namespace epmd
