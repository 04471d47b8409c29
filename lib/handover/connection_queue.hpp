/// Connections that outlive the process: queued in socket pairs from which nobody takes them (SCM_RIGHTS, unix(7)). A
/// connection is open for as long as somebody holds the pair, and its peer sees nothing when the process ends.
///
/// A message is connection numbers, u64 each, most significant byte first, and as many descriptors in the same order.
#pragma once

#include "registry/evidence.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace epmd {

/// A connection and its descriptor.
using numbered_descriptor = std::pair<connection_number, int>;

class connection_queue {
  public:
    /// Queues `all` of them, in as few messages and pairs as the system allows. Throws std::system_error:
    /// too_many_files_open where this process, or what its user has in queues already, is at its limit of open files.
    /// `room_bytes`: of each pair, in the kernel's reckoning (SO_SNDBUF; some 800 bytes a message of one, 3,000 of
    /// 250). The kernel cuts it down to net.core.wmem_max, 212,992 by default: 500 messages of one, 37,000 connections
    /// in all.
    explicit connection_queue(std::span<const numbered_descriptor> all, int room_bytes = most_room_bytes);
    connection_queue(connection_queue&& other) noexcept;
    connection_queue& operator=(connection_queue&& other) noexcept;
    connection_queue(const connection_queue&) = delete;
    connection_queue& operator=(const connection_queue&) = delete;
    ~connection_queue();

    /// Queues one more; never waits. An error: it is not queued. no_buffer_space: the queue is full, and a new one, in
    /// which many share a message, has room.
    std::error_code add(numbered_descriptor) noexcept;

    /// How many are queued, with those that have ended meanwhile.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Both ends of each pair: what somebody has to hold.
    [[nodiscard]] std::vector<int> descriptors() const { return ends_; }

  private:
    static constexpr int most_room_bytes = 1 << 24;

    void add_pair();
    void release() noexcept;
    std::error_code send(std::span<const numbered_descriptor>) noexcept;

    std::vector<int> ends_; // that to which is sent, that in which they wait, of each pair
    std::size_t size_ = 0;
    int room_bytes_;
};

/// What waits at one end of a pair, in its order; it stays there. The descriptors are new ones, of this process, and
/// close-on-exec. Throws std::system_error: too_many_files_open among them.
std::vector<numbered_descriptor> peek_connections(int end);

/// Chosen, not tuned: the kernel takes 253 descriptors in a message.
inline constexpr std::size_t max_connections_in_message = 250;

} // namespace epmd
