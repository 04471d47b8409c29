#include "registry/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace epmd {

std::optional<address> address::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    bytes_v4 v4{};
    if (inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1) {
        return address(v4);
    }
    bytes_v6 v6{};
    if (inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1) {
        return address(v6);
    }
    return std::nullopt;
}

bool address::is_loopback() const noexcept {
    return is_loopback_v4() || *this == loopback_v6;
}

bool address::is_wildcard() const noexcept {
    return *this == wildcard_v4 || *this == wildcard_v6;
}

std::string to_string(const address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.is_v4()) {
        const auto v4 = address.v4();
        inet_ntop(AF_INET, v4.data(), text.data(), text.size());
    } else {
        inet_ntop(AF_INET6, address.v6().data(), text.data(), text.size());
    }
    return text.data();
}

} // namespace epmd
