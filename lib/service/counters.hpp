/// What has happened since the daemon began: numbers that only grow.
#pragma once

#include "registry/evidence.hpp"
#include "wire/messages.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

namespace epmd {

/// How many kinds of requests there are, in the order of wire::request.
inline constexpr std::size_t request_types = std::variant_size_v<wire::request>;

/// The place of a kind among them.
template <typename Message>
inline constexpr std::size_t type_of_request = wire::request(Message{}).index();

/// What became of a request.
enum class outcome {
    ok,               ///< a node is registered, or found; a list was given; a command was done
    not_found,        ///< no node of that name is visible there
    name_taken,       ///< a registration, by a living node on the same host
    name_not_allowed, ///< a registration: not UTF-8, too long, or with control characters
    extra_too_long,   ///< a registration: more than wire::max_extra_bytes
    not_allowed,      ///< from another machine, or while nodes are registered, or without relaxed_command_check
    gone,             ///< a registration that was held: its peer left before the answer
    too_many,         ///< a registration: as many nodes as may be are there, in all or of its user
};
inline constexpr std::size_t outcomes = static_cast<std::size_t>(outcome::too_many) + 1;

/// Of the service: what it was asked, and what it said.
struct service_counters {
    std::array<std::array<std::uint64_t, outcomes>, request_types> requests{}; ///< that were answered
    std::array<std::uint64_t, evidence_kinds> placements{};                    ///< at a host, anew or at another
    std::uint64_t ends = 0;                                                    ///< of registrations

    template <typename Message>
    void count(outcome what) noexcept {
        ++requests[type_of_request<Message>][static_cast<std::size_t>(what)];
    }

    template <typename Message>
    [[nodiscard]] std::uint64_t of(outcome what) const noexcept {
        return requests[type_of_request<Message>][static_cast<std::size_t>(what)];
    }
};

/// How often something took how long.
class durations {
  public:
    using nanoseconds = std::chrono::nanoseconds;

    /// Each counts what took no longer, and longer than the one before; what is above the last has a place of its own.
    /// Chosen so that what is told apart by docs/performance.md lies in different ones: a lookup (10 to 50 us), one
    /// beside a long names list (some ms), one that waits for a pending node (500 ms), and a registration that is held
    /// (5 s).
    static constexpr std::array<nanoseconds, 14> bounds{
        std::chrono::microseconds(10),  std::chrono::microseconds(25),   std::chrono::microseconds(50),
        std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
        std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(10),
        std::chrono::milliseconds(50),  std::chrono::milliseconds(100),  std::chrono::milliseconds(500),
        std::chrono::seconds(1),        std::chrono::seconds(5)};

    void add(nanoseconds one) noexcept {
        std::size_t place = 0;
        while (place < bounds.size() && bounds[place] < one) {
            ++place;
        }
        ++counts_[place];
        sum_ += one;
    }

    /// How many lie in each bound's place, and last, how many lie above all.
    [[nodiscard]] const std::array<std::uint64_t, bounds.size() + 1>& counts() const noexcept { return counts_; }
    [[nodiscard]] nanoseconds sum() const noexcept { return sum_; }

  private:
    std::array<std::uint64_t, bounds.size() + 1> counts_{};
    nanoseconds sum_{0};
};

/// Of the server: what became of connections, and how long requests took.
struct server_counters {
    std::uint64_t accepted = 0;
    std::uint64_t not_requests = 0; ///< closed, since what they sent is no request
    std::uint64_t timed_out = 0;    ///< closed, since they were idle, or took too long
    std::uint64_t of_one_peer = 0;  ///< closed, since so many of their peer waited
    std::uint64_t made_room = 0;    ///< closed for a newcomer, when descriptors or memory were short
    std::uint64_t out_of_room = 0;  ///< episodes in which descriptors or memory ran out
    /// From when a request was there whole until its reply was written, or as much of it as the socket took.
    std::array<durations, request_types> answers{};
};

} // namespace epmd
