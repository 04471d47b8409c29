/// Asks a running epmd, as `epmd -names` and `epmd -kill` do.
#pragma once

#include "wire/messages.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace epmd {

/// How long an epmd may take to answer. Stock's clients wait for ever; chosen, not tuned.
inline constexpr std::chrono::seconds answer_time{10};

/// Sends one request to the epmd of this machine, by ::1 and then by 127.0.0.1, and reads its answer to the end.
/// Empty: none answers there, or it stopped in mid-answer for longer than answer_time.
std::optional<std::string> ask_epmd(std::uint16_t port, const wire::request&);

} // namespace epmd
