#include "net/asio.hpp"

#include <boost/asio/ip/address.hpp>

namespace epmd {

asio::ip::address to_asio(const address& from) {
    if (from.is_v4()) {
        return asio::ip::address_v4(from.v4());
    }
    return asio::ip::address_v6(from.v6());
}

address from_asio(const asio::ip::address& from) {
    return from.is_v4() ? address(from.to_v4().to_bytes()) : address(from.to_v6().to_bytes());
}

} // namespace epmd
