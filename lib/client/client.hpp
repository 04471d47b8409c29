/// Asks a running epmd, as `epmd -names` and `epmd -kill` do.
#pragma once

#include "registry/address.hpp"
#include "wire/messages.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace epmd {

/// How long an epmd that answers at all takes at most, however busy. Chosen, not tuned.
inline constexpr std::chrono::seconds usual_answer_time{1};

/// What whoever asks is ready to wait.
struct patience {
    /// Stock's clients wait for ever. As long as an epmd itself keeps a silent connection by default.
    std::chrono::milliseconds longest = std::chrono::seconds(60);
    /// Called once when an answer takes longer than usual_answer_time.
    std::function<void()> on_slow = {};
    /// The most that an answer over HTTP may have: more than any page has, of a million nodes.
    std::uint64_t most_bytes = std::uint64_t{1} << 30U;
};

/// Sends one request to the epmd of this machine, by ::1 or else by 127.0.0.1, and reads its answer to the end. Empty:
/// nobody accepts connections there. An empty answer: it closed without one, or gave none in time. Throws
/// std::length_error when the request is too long.
std::optional<std::string> ask_epmd(std::uint16_t port, const wire::request&, const patience& = {});

/// The same of the epmd at an address.
std::optional<std::string> ask_epmd_at(const address&, std::uint16_t port, const wire::request&, const patience& = {});

} // namespace epmd
