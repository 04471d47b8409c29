/// What happened, in words for the log. One fact, one line; what peers sent is quoted and escaped.
#pragma once

#include "service/action.hpp"

#include <spdlog/logger.h>

#include <cstdint>

namespace epmd {

/// How many lines peers may have written: `burst` at once, and from then on `per_second`. No clock of its own.
class line_budget {
  public:
    /// Chosen, not tuned: 10,000 nodes that restart at once are told of whole; what goes on and on fills a disk with 1
    /// GB a day at most.
    static constexpr std::uint64_t burst = 20000;
    static constexpr std::uint64_t per_second = 100;

    /// Whether one more may be written now.
    [[nodiscard]] bool spend(time_point now);
    /// How many were not, since the last call.
    [[nodiscard]] std::uint64_t take_left_out() noexcept;
    [[nodiscard]] bool has_left_out() const noexcept { return left_out_ > 0; }

  private:
    std::uint64_t left_ = burst;
    time_point filled_; // when what has come in since was last added
    std::uint64_t left_out_ = 0;
};

class journal {
  public:
    /// Writes the line for an event, if it is worth one: info for nodes that come and go, warn for what was refused,
    /// limited or could not be placed, debug for the rest. Where there are too many, it says how many were left out.
    void write(spdlog::logger&, const hosts&, const event&, time_point now);

  private:
    line_budget budget_;
    time_point said_; // when it was last said that some were left out
};

} // namespace epmd
