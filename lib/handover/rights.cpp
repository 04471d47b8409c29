#include "handover/rights.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace epmd {

std::error_code send_with_descriptors(int to, std::string_view bytes, std::span<const int> descriptors) noexcept {
    if (descriptors.size() > max_descriptors_in_message) {
        return std::make_error_code(std::errc::argument_list_too_long);
    }
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors_in_message)> control{};
    iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()}; // NOLINT: sendmsg only reads it
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    if (::sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return {errno, std::generic_category()};
    }
    return {};
}

} // namespace epmd
