#include "handover/connection_queue.hpp"

#include "handover/rights.hpp"
#include "wire/cursor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

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

/// So many messages of one, and they are put together, though there is room for more: to look at them the next process
/// needs a time that grows with their square. Chosen, not tuned.
constexpr std::size_t most_alone = 2000;

bool is_full(std::error_code error) {
    return error == std::errc::resource_unavailable_try_again;
}

} // namespace

void close_pair(const queue_pair& one) noexcept {
    for (const int end : {one.to, one.from}) {
        if (end >= 0) {
            ::close(end);
        }
    }
}

connection_queue::connection_queue(holder& where, std::vector<queue_pair> before, std::size_t size, int room_bytes)
    : holder_(where), pairs_(std::move(before)), size_(size), alone_(size), room_bytes_(room_bytes) {}

connection_queue::~connection_queue() {
    for (const auto& one : pairs_) {
        close_pair(one);
    }
}

/// Held before anything is in it: what is put into it is held by that.
void connection_queue::add_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        fail(last_error(), "cannot make a pair of sockets for connections");
    }
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room_bytes_, sizeof room_bytes_);
    queue_pair fresh{.to = ends[0], .from = ends[1], .name = {}};
    try {
        fresh.name = holder_.hold(ends);
    } catch (...) {
        close_pair(fresh);
        throw;
    }
    pairs_.push_back(std::move(fresh));
}

void connection_queue::add(numbered_descriptor one, const descriptor_lookup& living) {
    if (pairs_.empty() || pairs_.back().to < 0) {
        add_pair();
    }
    const auto error =
        alone_ < most_alone ? send({&one, 1}) : std::make_error_code(std::errc::resource_unavailable_try_again);
    if (error) {
        // It is worth it if there is enough to put together, or may be something to leave out.
        const bool is_worth_it = alone_ >= max_connections_in_message || !is_full(error);
        if (is_worth_it && renew(living).contains(one.first)) {
            return; // it was there already
        }
        send_all({&one, 1});
    }
    ++alone_;
}

std::error_code connection_queue::try_add(numbered_descriptor one) noexcept {
    if (pairs_.empty() || pairs_.back().to < 0) {
        return std::make_error_code(std::errc::no_buffer_space);
    }
    const auto error = send({&one, 1});
    alone_ += error ? 0 : 1;
    return error;
}

void connection_queue::add_all(std::span<const numbered_descriptor> all) {
    if (pairs_.empty() || pairs_.back().to < 0) {
        add_pair();
    }
    for (; !all.empty(); all = all.subspan(std::min(all.size(), max_connections_in_message))) {
        send_all(all.first(std::min(all.size(), max_connections_in_message)));
    }
}

std::unordered_set<connection_number> connection_queue::renew(const descriptor_lookup& living) {
    std::unordered_set<connection_number> moved;
    const auto old_count = pairs_.size();
    add_pair();
    for (std::size_t i = 0; i < old_count; ++i) {
        try {
            move_from(pairs_.front(), living, moved);
        } catch (...) {
            if (moved.empty()) { // what is held must not grow with every attempt
                const auto fresh = pairs_.back();
                pairs_.pop_back();
                close_pair(fresh);
                holder_.let_go(fresh.name);
            }
            throw;
        }
        close_pair(pairs_.front());
        const auto name = pairs_.front().name;
        pairs_.erase(pairs_.begin());
        holder_.let_go(name);
    }
    size_ = moved.size();
    alone_ = 0;
    return moved;
}

/// By as many messages as make up a full one: they are sent on, and only then taken out.
void connection_queue::move_from(const queue_pair& old, const descriptor_lookup& living,
                                 std::unordered_set<connection_number>& moved) {
    std::array<char, sizeof(connection_number) * max_connections_in_message> numbers; // NOLINT: filled by recv
    std::vector<numbered_descriptor> together;
    const int from_the_first = 0;
    const int nowhere = -1;
    for (;;) {
        together.clear();
        std::size_t messages = 0;
        ::setsockopt(old.from, SOL_SOCKET, SO_PEEK_OFF, &from_the_first, sizeof from_the_first);
        // Not more messages at once: the kernel passes all before it for each, which takes a time that grows with their
        // square.
        while (messages < max_connections_in_message) {
            const auto size = ::recv(old.from, numbers.data(), numbers.size(), MSG_PEEK | MSG_DONTWAIT);
            if (size <= 0) {
                break;
            }
            std::vector<numbered_descriptor> message;
            wire::cursor in({numbers.data(), static_cast<std::size_t>(size)});
            for (auto left = static_cast<std::size_t>(size) / sizeof(connection_number); left > 0; --left) {
                const auto number = in.u64();
                const auto descriptor = moved.contains(number) ? std::nullopt : living(number);
                if (descriptor) {
                    message.emplace_back(number, *descriptor);
                }
            }
            if (together.size() + message.size() > max_connections_in_message) {
                break; // has its turn next
            }
            together.insert(together.end(), message.begin(), message.end());
            ++messages;
        }
        ::setsockopt(old.from, SOL_SOCKET, SO_PEEK_OFF, &nowhere, sizeof nowhere);
        if (messages == 0) {
            return;
        }
        send_all(together);
        for (const auto& [number, descriptor] : together) {
            moved.insert(number);
        }
        for (; messages > 0; --messages) {
            ::recv(old.from, numbers.data(), numbers.size(), MSG_DONTWAIT); // without its descriptors, which end so
        }
    }
}

/// At most a message full. Makes another pair if the last one has no room.
void connection_queue::send_all(std::span<const numbered_descriptor> some) {
    if (some.empty()) {
        return;
    }
    auto error = send(some);
    if (is_full(error)) {
        add_pair();
        error = send(some);
    }
    if (error) {
        fail(error, "cannot queue connections");
    }
}

std::error_code connection_queue::send(std::span<const numbered_descriptor> some) noexcept {
    std::array<char, sizeof(connection_number) * max_connections_in_message> numbers; // NOLINT: filled below
    std::array<int, max_connections_in_message> descriptors;                          // NOLINT: likewise
    for (std::size_t i = 0; i < some.size(); ++i) {
        const auto number = htobe64(some[i].first);
        std::memcpy(numbers.data() + i * sizeof number, &number, sizeof number);
        descriptors[i] = some[i].second;
    }
    const auto error = send_with_descriptors(
        pairs_.back().to, {numbers.data(), some.size() * sizeof(connection_number)}, {descriptors.data(), some.size()});
    size_ += error ? 0 : some.size();
    return error;
}

peeked peek_connections(int end, const std::function<bool(connection_number)>& is_wanted) {
    peeked result;
    const auto give_up = [&](std::error_code error) {
        for (const auto& [number, descriptor] : result.wanted) {
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
        const bool is_end =
            size == 0 && message.msg_controllen == 0; // descriptors alone are a message, and none of ours
        if (size < 0 || is_end) {
            if (const auto error = last_error(); size < 0 && !is_full(error)) {
                give_up(error);
            }
            return result;
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
                if (const auto number = in.u64(); is_wanted(number)) {
                    result.wanted.emplace_back(number, descriptor);
                } else {
                    ::close(descriptor);
                }
                ++result.count;
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
