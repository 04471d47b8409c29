#include "net/peer.hpp"

#include <algorithm>

namespace epmd {

peer peer_of(const origin& from, std::optional<std::uint32_t> uid) noexcept {
    if (uid) {
        return {.uid = uid, .where = {}};
    }
    if (from.peer.is_v4() || from.peer.is_loopback()) {
        return {.uid = {}, .where = from.peer};
    }
    constexpr std::size_t network_bytes = 8; // who has one address has 2^64 (RFC 4291, section 2.5.4)
    auto bytes = from.peer.v6();
    std::fill(bytes.begin() + network_bytes, bytes.end(), std::uint8_t{0});
    return {.uid = {}, .where = address(bytes)};
}

} // namespace epmd
