#include "server/progress.hpp"

#include <cstddef>

#include <linux/tcp.h> // has more than netinet/tcp.h, with which it cannot be together
#include <netinet/in.h>
#include <sys/socket.h>

namespace epmd {

bool has_sent_anything(int connection) noexcept {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        length < offsetof(tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent) {
        return true;
    }
    return info.tcpi_bytes_sent > 0;
}

} // namespace epmd
