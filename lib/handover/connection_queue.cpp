#include "handover/connection_queue.hpp"

#include "handover/rights.hpp"
#include "wire/cursor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <endian.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd {
namespace {

std::error_code last_error() {
    return {errno, std::generic_category()};
}

[[noreturn]] void fail(std::error_code error, const char* what) {
    throw std::system_error(error, what);
}

bool is_full(std::error_code error) {
    return error == std::errc::resource_unavailable_try_again;
}

} // namespace

connection_queue::connection_queue(std::span<const numbered_descriptor> all, int room_bytes) : room_bytes_(room_bytes) {
    add_pair();
    while (!all.empty()) {
        const auto part = all.first(std::min(all.size(), max_connections_in_message));
        auto error = send(part);
        if (is_full(error)) {
            add_pair();
            error = send(part);
        }
        if (error) {
            release();
            fail(error, "cannot queue connections");
        }
        all = all.subspan(part.size());
    }
}

connection_queue::connection_queue(connection_queue&& other) noexcept
    : ends_(std::exchange(other.ends_, {})), size_(other.size_), room_bytes_(other.room_bytes_) {}

connection_queue& connection_queue::operator=(connection_queue&& other) noexcept {
    std::swap(ends_, other.ends_);
    std::swap(size_, other.size_);
    std::swap(room_bytes_, other.room_bytes_);
    return *this;
}

connection_queue::~connection_queue() {
    release();
}

void connection_queue::release() noexcept {
    for (const int end : ends_) {
        ::close(end);
    }
    ends_.clear();
}

void connection_queue::add_pair() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
        fail(last_error(), "cannot make a pair of sockets for connections");
    }
    ::setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room_bytes_, sizeof room_bytes_);
    ends_.insert(ends_.end(), pair.begin(), pair.end());
}

std::error_code connection_queue::send(std::span<const numbered_descriptor> some) noexcept {
    std::array<char, sizeof(connection_number) * max_connections_in_message> numbers; // NOLINT: filled below
    std::array<int, max_connections_in_message> descriptors;                          // NOLINT: likewise
    for (std::size_t i = 0; i < some.size(); ++i) {
        const auto number = htobe64(some[i].first);
        std::memcpy(numbers.data() + i * sizeof number, &number, sizeof number);
        descriptors[i] = some[i].second;
    }
    const int to = ends_[ends_.size() - 2]; // the last pair's first
    const auto error = send_with_descriptors(to, {numbers.data(), some.size() * sizeof(connection_number)},
                                             {descriptors.data(), some.size()});
    size_ += error ? 0 : some.size();
    return error;
}

std::error_code connection_queue::add(numbered_descriptor one) noexcept {
    const auto error = send({&one, 1});
    return is_full(error) ? std::make_error_code(std::errc::no_buffer_space) : error;
}

std::vector<numbered_descriptor> peek_connections(int end) {
    std::vector<numbered_descriptor> all;
    const auto give_up = [&](std::error_code error) {
        for (const auto& [number, descriptor] : all) {
            ::close(descriptor);
        }
        fail(error, "cannot look at queued connections");
    };
    const int from = 0;
    if (::setsockopt(end, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof from) != 0) {
        give_up(last_error());
    }
    for (;;) {
        std::array<char, sizeof(connection_number) * max_connections_in_message> numbers; // NOLINT: filled by recvmsg
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors_in_message)>
            control; // NOLINT: likewise
        iovec bytes{.iov_base = numbers.data(), .iov_len = numbers.size()};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const auto size = ::recvmsg(end, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            if (const auto error = last_error(); size < 0 && !is_full(error)) {
                give_up(error);
            }
            return all;
        }
        wire::cursor in({numbers.data(), static_cast<std::size_t>(size)});
        std::size_t descriptors = 0;
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
                continue;
            }
            descriptors = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < descriptors; ++i) {
                int descriptor = -1;
                std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
                all.emplace_back(in.u64(), descriptor);
            }
        }
        if ((message.msg_flags & MSG_CTRUNC) != 0) {
            give_up(std::make_error_code(std::errc::too_many_files_open)); // no descriptor was left for the rest
        }
        if (in.has_failed() || descriptors * sizeof(connection_number) != static_cast<std::size_t>(size)) {
            give_up(std::make_error_code(std::errc::bad_message)); // not ours
        }
    }
}

} // namespace epmd
