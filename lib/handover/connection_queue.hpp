/// Connections that outlive the process: queued in socket pairs from which nobody takes them (SCM_RIGHTS, unix(7)). A
/// connection is open for as long as somebody holds the pair, and its peer sees nothing when the process ends.
///
/// A message is connection numbers, u64 each, most significant byte first, and as many descriptors in the same order.
/// One that comes alone has a message of its own; once the room for those is used up, they are put together, 250 a
/// message. Descriptors in queues count against the limit of open files of their user, and a little room is enough for
/// that: a message is taken out of the old pair when what lives of it is in the new one.
#pragma once

#include "registry/evidence.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

namespace epmd {

/// A connection and its descriptor.
using numbered_descriptor = std::pair<connection_number, int>;

/// Who has descriptors while there is no process.
class holder {
  public:
    virtual ~holder() = default;
    /// Has descriptors held; they get a name that nothing else has, which is returned. Throws std::system_error when
    /// they are not.
    virtual std::string hold(std::span<const int>) = 0;
    /// What is held under a name is no longer needed.
    virtual void let_go(const std::string& name) = 0;

  protected:
    holder() = default;
    holder(const holder&) = default;
    holder& operator=(const holder&) = default;
};

/// A pair of sockets: `from` is where what was sent to `to` waits.
struct queue_pair {
    int to = -1; ///< -1: was not there any more
    int from = -1;
    std::string name;
};

void close_pair(const queue_pair&) noexcept;

class connection_queue {
  public:
    /// The descriptor of a connection that is to be in the queue; empty: it has ended.
    using descriptor_lookup = std::function<std::optional<int>(connection_number)>;

    /// `before`: what a process before left, with `size` connections in it. `room_bytes`: of each pair that is made, in
    /// the kernel's reckoning (SO_SNDBUF). The kernel doubles it and cuts it down to twice net.core.wmem_max, 425,984
    /// by default; a message of one takes some 800 bytes of that, one of 250 some 3,000 (Linux 6.1 and 6.18): 500 of
    /// the one, or 35,000 connections in the other.
    connection_queue(holder&, std::vector<queue_pair> before, std::size_t size, int room_bytes = most_room_bytes);
    connection_queue(const connection_queue&) = delete;
    connection_queue& operator=(const connection_queue&) = delete;
    ~connection_queue();

    /// Queues one more, if there is room and the limit allows it; puts nothing together.
    std::error_code try_add(numbered_descriptor) noexcept;

    /// Queues many, as few messages as may be. Throws std::system_error: not all of them are queued.
    void add_all(std::span<const numbered_descriptor>);

    /// Queues one more; never waits. Where there is no room, or the limit is reached, first puts those together that
    /// live. Throws std::system_error: it is not queued; all others are.
    void add(numbered_descriptor, const descriptor_lookup& living);

    /// Queues those that live anew, and lets all others go. Throws std::system_error: some wait to be moved, and none
    /// is lost. Returns the connections that are in the queue.
    std::unordered_set<connection_number> renew(const descriptor_lookup& living);

    /// How many are queued, with those that have ended meanwhile.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] const std::vector<queue_pair>& pairs() const noexcept { return pairs_; }

  private:
    static constexpr int most_room_bytes = 1 << 24;

    void add_pair();
    std::error_code send(std::span<const numbered_descriptor>) noexcept;
    void send_all(std::span<const numbered_descriptor>);
    void move_from(const queue_pair&, const descriptor_lookup& living, std::unordered_set<connection_number>& moved);

    holder& holder_;
    std::vector<queue_pair> pairs_; // the last is that to which is sent
    std::size_t size_;
    std::size_t alone_ = 0; // of those, since they were put together
    int room_bytes_;
};

/// What was seen at one end of a pair.
struct peeked {
    std::vector<numbered_descriptor> wanted; ///< in their order; new descriptors, of this process, close-on-exec
    std::size_t count = 0;                   ///< with those that are not wanted, which are closed again at once
};

/// What waits at one end of a pair; it stays there. Throws std::system_error: too_many_files_open where there are no
/// descriptors for it, bad_message when it is not ours.
peeked peek_connections(int end, const std::function<bool(connection_number)>& is_wanted);

/// Chosen, not tuned: the kernel takes 253 descriptors in a message.
inline constexpr std::size_t max_connections_in_message = 250;

} // namespace epmd
